// Which file an inode number meant, in a tree that changes: once the last name of a file goes, its number may become that of the
// next one that is made.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace berth::storage {

struct InodeIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  // When it was made. Of a file system that does not tell: when it was changed last, of which a new file has a later one as well.
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  // A number that the file system gives to each use of an inode; 0 where it has none, and of what is no regular file. Tells
  // apart what was made within one tick of the kernel's clock.
  std::uint32_t generation = 0;

  friend auto operator<=>(const InodeIdentity&, const InodeIdentity&) = default;
};

// `file`: a descriptor of it, O_PATH does; `info`: what fstat(2) says of it; `path` is for messages.
Result<InodeIdentity> identify(int file, const struct ::stat& info, std::string_view path);

}  // namespace berth::storage
