// The data of one file into another, by the cheapest way that the two file systems offer.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "storage/progress.hpp"

namespace berth::storage {

// What the pair of file systems refused, and whether the work is to end: of all threads of one copy.
struct CopyState {
  explicit CopyState(Progress& listener) : progress(listener) {}

  Progress& progress;
  std::atomic<bool> share{true}, by_kernel{true};
  std::atomic<bool> stopped{false};

  // The Error ECANCELED: nobody wants the copy any more.
  [[nodiscard]] Status wanted() const;
};

// Shares the blocks (FICLONE); where that is not possible lets the kernel copy; where it can't, reads and writes. One a thread.
class FileData {
 public:
  explicit FileData(CopyState& state) : state_(state) {}
  // `to` is new and empty. Holes stay holes. Copies as much as `info` says: what is appended meanwhile is left out, what is cut
  // off meanwhile is missing. Tells the progress of the bytes; ends within some megabytes when the copy is not wanted any more.
  Status copy(int from, int to, const struct ::stat& info, std::string_view path);

 private:
  Status copy_range(int from, int to, off_t begin, off_t end, std::string_view path);
  Status copy_by_kernel(int from, int to, off_t& begin, off_t end, std::string_view path);
  Status copy_by_hand(int from, int to, off_t begin, off_t end, std::string_view path);
  Status copy_around_holes(int from, int to, off_t size, std::string_view path);
  void done(long bytes) { state_.progress.advance(static_cast<std::uint64_t>(bytes), 0); }

  CopyState& state_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace berth::storage
