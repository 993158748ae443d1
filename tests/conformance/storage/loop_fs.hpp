// A file system on a loop device of its own, mounted at a private directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::storage::lab {

// Goes with the object; after SIGKILL the mount stays in the host's table, with the file below DIRECTORY.
class LoopFileSystem {
 public:
  // mkfs: program with arguments, the image's path is added. `bytes` of a sparse file.
  static Result<std::unique_ptr<LoopFileSystem>> make(const std::vector<std::string>& mkfs, std::uint64_t bytes,
                                                      const std::string& options = "loop");
  LoopFileSystem(const LoopFileSystem&) = delete;
  LoopFileSystem& operator=(const LoopFileSystem&) = delete;
  ~LoopFileSystem();
  // Where it is mounted.
  [[nodiscard]] const std::string& directory() const { return mounted_; }

 private:
  explicit LoopFileSystem(std::string base) : base_(std::move(base)), mounted_(base_ + "/mounted") {}
  std::string base_, mounted_;
  bool is_mounted_ = false;
};

// Why this host can't: not root, a program is missing. Empty: it can.
std::string loop_unusable(const std::string& mkfs);

}  // namespace berth::storage::lab
