// Writes an archive: what it is given goes out at once, whatever its size.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "digest.hpp"
#include "libarchive.hpp"
#include "storage/archive/channel.hpp"
#include "storage/tree/inode_identity.hpp"

namespace berth::archive {

struct Compression {
  std::string kind;      // "zst", "gz", "xz" or "none"
  unsigned threads = 1;  // of zst and xz
  int level = 0;         // 0 = the kind's usual one
};

// Bytes and files for the one who shows them, not too often.
class Counter {
 public:
  explicit Counter(storage::archive::Channel& channel) : channel_(channel) {}
  // Error: nobody is there any more.
  Status add(std::uint64_t bytes, std::uint64_t files);
  Status flush();

 private:
  storage::archive::Channel& channel_;
  std::uint64_t bytes_ = 0, files_ = 0;
  std::chrono::steady_clock::time_point sent_{};
};

class Packer {
 public:
  Packer(storage::archive::Channel& channel, int output) : counter_(channel), output_(output) {}
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  Status open(const Compression& compression);
  // A regular file as the member `name`.
  Status add_file(const std::string& name, const Fd& file);
  // A directory with all below it on the same mount.
  Status add_tree(const std::string& prefix, Fd directory);
  // All that can be read of `input`, in members of a limited size.
  Status add_stream(const std::string& prefix, const Fd& input);
  // The checksum. Returns it.
  Result<std::string> finish();

 private:
  struct Frame {
    std::string name;
    Fd directory;
    std::vector<std::string> entries;
    std::size_t next = 0;
  };

  static la_ssize_t on_write(struct ::archive*, void* self, const void* data, std::size_t bytes);
  static Status open_tar(struct ::archive* tar, Packer* self, const char* options);
  la_ssize_t take(const void* data, std::size_t bytes);
  Status write_out(const void* data, std::size_t bytes);
  Status flush();
  Status add_member(const std::string& name, std::string_view data);
  Status add_next();
  Status enter(std::string name, Fd directory);
  Status add_entry(const std::string& name);
  Status add_special(const std::string& name, const Fd& held, const struct ::stat& info);
  Status add_regular(const std::string& path, const Fd& file, const struct ::stat& info);
  Result<bool> add_link(const std::string& path, int file, const struct ::stat& info);
  Status add_data(const std::string& path, const Fd& file, std::uint64_t size);
  Status add_range(const std::string& path, const Fd& file, std::uint64_t from, std::uint64_t to);
  Status add_noughts(std::uint64_t bytes, const std::string& path);
  Status add_attributes(int file, const std::string& path);
  Status add_flags(const Fd& file, const std::string& path);
  Status mark_holes(const Fd& file, std::uint64_t size, const std::string& path);
  void describe(const std::string& path, const struct ::stat& info);
  Status write_header(const std::string& path);
  // What a call of tar_ came to: where the output failed, that; not what libarchive makes of it.
  Status packed(la_ssize_t result, std::string_view what = "cannot pack a file");
  [[nodiscard]] std::string path_of(std::string_view name) const;

  Counter counter_;
  int output_;
  Archive compressor_;
  Entry entry_;
  Digest digest_;
  bool digesting_ = true;
  Status written_;  // the first failure of the output
  std::vector<char> pending_, buffer_;
  std::string prefix_;
  std::uint64_t mount_ = 0;
  std::vector<Frame> frames_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents_;  // of the current file: begin, end
  std::map<storage::InodeIdentity, std::string> first_names_;     // of files with several
  // The last members, as libarchive writes to what is above even when they are freed. Both write into one stream: `bytes_tar_`
  // members with a name that is not ASCII, which it marks with `hdrcharset`, a word that GNU tar warns of.
  Archive plain_tar_, bytes_tar_;
  struct ::archive* tar_ = nullptr;  // that the current member goes to
};

}  // namespace berth::archive
