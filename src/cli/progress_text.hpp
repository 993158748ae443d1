// What is shown of long work: text made of events and times, without a terminal or a clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::cli {

enum class ProgressForm { kBar, kPlain, kJson, kNone };

// One part of the work, so far.
struct ProgressState {
  std::string part;            // "copying the root file system"
  std::uint64_t expected = 0;  // bytes; 0 = unknown
  std::uint64_t bytes = 0;     // done
  std::uint64_t files = 0;     // done
  std::chrono::milliseconds elapsed{};
};

// "1.2 GiB"
std::string short_bytes(std::uint64_t bytes);
// One line of at most `width` columns, no line end: what fits of part, share, bar, bytes, rate, time left and files.
std::string progress_bar(const ProgressState& state, std::size_t width);
// "copying the root file system: 1.2 GiB of 2.6 GiB, 310 MiB/s, 1234 files"
std::string progress_line(const ProgressState& state);
// {"event": "progress", ...} without a line end; `event` is begin, progress or end; docs/progress.md tells the fields.
std::string progress_json(const ProgressState& state, std::string_view event);

// What is to be written after each event, empty for nothing. Times count from any moment, and never go back.
class ProgressText {
 public:
  ProgressText(ProgressForm form, std::string prefix) : form_(form), prefix_(std::move(prefix)) {}

  std::string begin(std::string_view part, std::uint64_t expected, std::chrono::milliseconds now, std::size_t width);
  std::string advance(std::uint64_t bytes, std::uint64_t files, std::chrono::milliseconds now, std::size_t width);
  // The part has ended, done or not.
  std::string end(std::chrono::milliseconds now);
  // True: advance() would write something, so that its caller need not look for the width before.
  [[nodiscard]] bool due(std::chrono::milliseconds now) const;

 private:
  std::string plain(std::string_view text) const;

  ProgressForm form_;
  std::string prefix_;  // "lxc-copy: web1: " of plain lines
  ProgressState state_;
  std::chrono::milliseconds began_{}, shown_{};
  bool active_ = false, visible_ = false;
};

}  // namespace berth::cli
