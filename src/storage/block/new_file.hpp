// A file that is there, whole, or not at all: made under another name beside its own.
#pragma once

#include <functional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::storage::block {

class NewFile {
 public:
  // What must be done with an unfinished file of a killed process before it is thrown away.
  using Discard = std::function<Status(const std::string& unfinished)>;

  // EEXIST when there is something at `path`; EBUSY when another process is making it. What a killed one left is thrown away.
  static Result<NewFile> begin(const std::string& path, const Discard& discard = {});
  NewFile(NewFile&&) = default;
  NewFile& operator=(NewFile&&) = delete;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();  // removes it unless it was finished

  [[nodiscard]] const std::string& path() const { return staging_; }  // of the unfinished file
  [[nodiscard]] const Fd& file() const { return file_; }              // read and write
  // On the disk, and under its own name.
  Status finish();
  // Removes the file with what a killed process left beside it; what is not there is fine.
  static Status remove(const std::string& path, const Discard& discard = {});

 private:
  NewFile(Fd file, std::string path);
  Fd file_;
  std::string path_, staging_;
};

}  // namespace berth::storage::block
