// Runs in: host commands.
#include "cli/progress.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "cli/report.hpp"
#include "os/terminal.hpp"

namespace berth::cli {
namespace {

using std::chrono::milliseconds;

struct Word {
  std::string_view word;
  ProgressChoice choice;
};
constexpr auto kWords = std::to_array<Word>({{"auto", ProgressChoice::kAuto},
                                             {"bar", ProgressChoice::kBar},
                                             {"plain", ProgressChoice::kPlain},
                                             {"json", ProgressChoice::kJson},
                                             {"none", ProgressChoice::kNone}});

bool can_draw() {
  const char* terminal = std::getenv("TERM");
  return os::is_terminal(STDERR_FILENO) && terminal != nullptr && std::string_view(terminal) != "dumb";
}

ProgressForm form_of(const Common& options, ProgressChoice choice) {
  if (choice == ProgressChoice::kJson) return ProgressForm::kJson;
  if (options.quiet || choice == ProgressChoice::kNone) return ProgressForm::kNone;
  if (choice == ProgressChoice::kBar) return ProgressForm::kBar;
  return choice == ProgressChoice::kAuto && can_draw() ? ProgressForm::kBar : ProgressForm::kPlain;
}

// The last column stays empty: some terminals begin a new line there.
std::size_t width() {
  constexpr std::size_t kUsual = 80;
  const auto window = os::window_size(STDERR_FILENO);
  return (window && window->ws_col > 1 ? window->ws_col : kUsual) - 1;
}

void show(const std::string& text) {
  if (!text.empty()) print_error(text);
}

}  // namespace

Result<ProgressChoice> parse_progress(std::string_view word) {
  for (const Word& row : kWords)
    if (row.word == word) return row.choice;
  return fail(strings::cat("'", word, "' is none of auto, bar, plain, json, none"));
}

ProgressDisplay::ProgressDisplay(const Common& options, ProgressChoice choice)
    : text_(form_of(options, choice), strings::cat(options.program, ": ", options.name, options.name.empty() ? "" : ": ")) {}

milliseconds ProgressDisplay::now() const {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began_);
}

void ProgressDisplay::begin(std::string_view part, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  show(text_.begin(part, bytes, now(), width()));
}

void ProgressDisplay::advance(std::uint64_t bytes, std::uint64_t files) {
  const std::lock_guard lock(mutex_);
  const milliseconds moment = now();
  show(text_.advance(bytes, files, moment, text_.due(moment) ? width() : 0));
}

void ProgressDisplay::end() {
  const std::lock_guard lock(mutex_);
  show(text_.end(now()));
}

}  // namespace berth::cli
