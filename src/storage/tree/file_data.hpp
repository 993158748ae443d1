// The data of one file into another, by the cheapest way that the two file systems offer.
#pragma once

#include <sys/stat.h>

#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage {

// Shares the blocks (FICLONE); where that is not possible lets the kernel copy; where it can't, reads and writes. Remembers what
// the file systems refused, so that one object serves one pair of them.
class FileData {
 public:
  // `to` is new and empty. Holes stay holes. Copies as much as `info` says: what is appended meanwhile is left out, what is cut
  // off meanwhile is missing.
  Status copy(int from, int to, const struct ::stat& info, std::string_view path);

 private:
  Status copy_range(int from, int to, off_t begin, off_t end, std::string_view path);
  Status copy_by_kernel(int from, int to, off_t& begin, off_t end, std::string_view path);
  Status copy_by_hand(int from, int to, off_t begin, off_t end, std::string_view path);
  Status copy_around_holes(int from, int to, off_t size, std::string_view path);

  bool share_ = true, by_kernel_ = true;
  std::vector<char> buffer_;
};

}  // namespace berth::storage
