// Shows on standard error how far long work is, and makes Ctrl-C end it in order.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "cli/interruption.hpp"
#include "cli/option.hpp"
#include "cli/progress_text.hpp"
#include "storage/progress.hpp"

namespace berth::cli {

// --progress
enum class ProgressChoice { kAuto, kBar, kPlain, kJson, kNone };
Result<ProgressChoice> parse_progress(std::string_view word);

template <auto Member>
Status set_progress(Common& options, std::string_view value) {
  detail::member_of<Member>(options) = TRY(parse_progress(value));
  return {};
}

// The row of a command that does long work, whose options have the member.
template <auto Member>
inline constexpr Option kProgressOption = {
    "progress",
    0,
    Takes::kValue,
    "HOW",
    "How to show what is done: auto (default: bar on a\nterminal, else plain), bar, plain, json or none",
    set_progress<Member>};

// For the time of the work. While it lives, Ctrl-C cancels the work (Interruption).
class ProgressDisplay final : public storage::Progress {
 public:
  // --quiet shows nothing, unless the choice is json.
  ProgressDisplay(const Common& options, ProgressChoice choice);
  ~ProgressDisplay() override { end(); }

  void begin(std::string_view part, std::uint64_t bytes) override;
  void advance(std::uint64_t bytes, std::uint64_t files) override;
  [[nodiscard]] bool cancelled() const override { return interrupted(); }
  // Nothing of it is left on the terminal. For whoever has something to say before the object goes.
  void end();

 private:
  Interruption interruption_;
  std::mutex mutex_;
  ProgressText text_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();

  [[nodiscard]] std::chrono::milliseconds now() const;
};

}  // namespace berth::cli
