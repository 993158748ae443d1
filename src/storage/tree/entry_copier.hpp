// One thread of a copy: takes parts of directories from the job and copies their entries.
#pragma once

#include "storage/tree/copy_job.hpp"

namespace berth::storage {

class EntryCopier {
 public:
  explicit EntryCopier(CopyJob& job) : job_(job), data_(job.state) {}
  // Until no part is left, or the job has an Error.
  void run();

 private:
  struct Entry {
    const std::string& name;
    std::string path;  // for messages
  };

  Status copy_part(const CopyPart& part);
  Status begin_directory();
  Status end_directory();
  Status copy_entry(const sys::DirectoryEntry& listed);
  Status copy_as(const Entry& entry, unsigned char type);
  Status copy_directory(const Entry& entry);
  Status copy_regular(const Entry& entry);
  Status copy_content(const Entry& entry, int from, const struct ::stat& info, HardLinks::Claim claim);
  Status copy_special(const Entry& entry);
  Status copy_unopened(const Entry& entry, const Error& error);
  Status copy_mount_point(const Entry& entry);
  Result<Fd> hold(const Entry& entry, struct ::stat& info);
  Status make_link(const Entry& entry, const Fd& held);
  Status set_flags(const Entry& entry, int to, unsigned flags, const struct ::stat& info);
  Result<bool> linked(const Entry& entry, int file, const struct ::stat& info, std::optional<HardLinks::Claim>& claim);
  Result<Fd> open_source(const std::string& name, int flags);
  Result<Fd> open_at_once(const std::string& name, int flags);
  Result<struct ::stat> stat_of(const Entry& entry);
  [[nodiscard]] Born born(mode_t mode) const;
  [[nodiscard]] bool has_gone(const std::string& name) const;
  [[nodiscard]] int from() const { return here_.get()->from.get(); }
  [[nodiscard]] int to() const { return here_.get()->to.get(); }

  CopyJob& job_;
  FileData data_;
  Directories::Pin here_;
  std::string prefix_;  // of the paths of entries
};

}  // namespace berth::storage
