// Runs in: host commands.
#include <algorithm>
#include <chrono>

#include "cli/commands.hpp"
#include "cli/lxcpaths.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/top_table.hpp"
#include "runtime/rates.hpp"
#include "runtime/sampler.hpp"

namespace berth::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kDelay = 3s;
constexpr milliseconds kBatchDelay = 300s;
constexpr milliseconds kShortest = 100ms;
constexpr milliseconds kLongest = 24h * 365;

struct TopOptions : WithLxcpaths {
  std::optional<milliseconds> delay;
  std::optional<std::uint64_t> count;
  bool batch = false, json = false;
  TopView view;
};

// "3", "0.5": at most three digits behind the point count.
std::optional<milliseconds> parse_seconds(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  if (point < text.size() && fraction.empty()) return std::nullopt;
  if (fraction.find_first_not_of("0123456789") != fraction.npos) return std::nullopt;
  fraction.resize(3, '0');
  const auto whole = strings::parse_number<std::uint64_t>(text.substr(0, point));
  const auto rest = strings::parse_number<std::uint64_t>(fraction);
  constexpr std::uint64_t kMost = 1'000'000'000;
  if (!whole || !rest || *whole > kMost) return std::nullopt;
  return milliseconds(*whole * 1000 + *rest);
}

Status set_delay(Common& options, std::string_view value) {
  const auto delay = parse_seconds(value);
  if (!delay || *delay < kShortest || *delay > kLongest) {
    return fail(Error::message(strings::cat("'", value, "' is no delay")).hint("a number of seconds, 0.1 or more: 3, 0.5"));
  }
  static_cast<TopOptions&>(options).delay = *delay;
  return {};
}

Status set_sort(Common& options, std::string_view value) {
  if (value.size() != 1 || top_sort_keys().find(value.front()) == std::string_view::npos) {
    return fail(Error::message(strings::cat("'", value, "' is nothing to sort by"))
                    .hint("one of n (name), c (CPU), b (block I/O), m (memory), s (memory and swap), k (kernel memory), "
                          "p (processes), t (network traffic)"));
  }
  static_cast<TopOptions&>(options).view.sort = value.front();
  return {};
}

Status set_count(Common& options, std::string_view value) {
  const auto count = strings::parse_number<std::uint64_t>(value);
  if (!count || *count == 0) return fail(strings::cat("'", value, "' is no number of refreshes"));
  static_cast<TopOptions&>(options).count = *count;
  return {};
}

template <auto Member>
Status set_view(Common& options, std::string_view) {
  static_cast<TopOptions&>(options).view.*Member = true;
  return {};
}

constexpr Option kOptions[] = {
    {"lxcpath", 'P', Takes::kValue, "PATH", "show the containers of PATH, may be given more than once", add_lxcpath},
    {"delay", 'd', Takes::kValue, "SECONDS", "time between refreshes (default: 3; 300 with --batch and --json)", set_delay},
    {"batch", 'b', Takes::kNothing, "", "write comma separated values, for a file", set_flag<&TopOptions::batch>},
    {"sort", 's', Takes::kValue, "SORT",
     "sort by [n,c,b,m,s,k,p,t] (default: n) where\nn = Name\nc = CPU use\nb = Block I/O use\nm = Memory use\n"
     "s = Memory + Swap use\nk = Kernel memory use\np = Number of processes\nt = Traffic of the network a second",
     set_sort},
    {"reverse", 'r', Takes::kNothing, "", "sort the other way round: names descend, numbers ascend", set_view<&TopView::reverse>},
    {"interfaces", 'i', Takes::kNothing, "",
     "show each network interface; with --batch, processes and networks in columns of their own", set_view<&TopView::interfaces>},
    {"count", 'c', Takes::kValue, "N", "end after N refreshes", set_count},
    {"json", 0, Takes::kNothing, "", "write a line of JSON for each container and refresh", set_flag<&TopOptions::json>},
};

// The last two samples, and what lies between them.
class Watch {
 public:
  static Result<Watch> begin(const TopOptions& options) {
    return Watch(TRY(runtime::Sampler::create(TRY(lxcpaths_of(options)))));
  }
  Status refresh() {
    runtime::Sample sample = TRY(sampler_.take());
    rates_ = runtime::rates_between(sample_, sample);
    sample_ = std::move(sample);
    return {};
  }
  [[nodiscard]] const runtime::Sample& sample() const { return sample_; }
  [[nodiscard]] std::vector<TopRow> rows(const TopView& view) const { return sorted_rows(sample_, rates_, view); }

 private:
  explicit Watch(runtime::Sampler sampler) : sampler_(std::move(sampler)) {}
  runtime::Sampler sampler_;
  runtime::Sample sample_;
  std::vector<runtime::Rates> rates_;
};

// --- to a file ---------------------------------------------------------------------------------------------------------

// Once for each container that does not answer.
void tell_silent(const TopOptions& options, const runtime::Sample& sample, std::vector<std::string>& told) {
  for (const std::string& container : sample.silent) {
    if (std::ranges::find(told, container) != told.end()) continue;
    told.push_back(container);
    print_error(
        strings::cat(options.program, ": ", strings::printable(container), ": its monitor does not answer, it is left out\n"));
  }
}

Status write_file(const TopOptions& options) {
  Watch watch = TRY(Watch::begin(options));
  std::vector<std::string> told;
  if (!options.json) print(batch_titles(options.view.interfaces));
  const milliseconds delay = options.delay.value_or(kBatchDelay);
  auto due = Clock::now();
  for (std::uint64_t i = 0; !options.count || i < *options.count; ++i) {
    if (i > 0) sys::sleep_for(std::chrono::ceil<milliseconds>(std::max<Clock::duration>(due - Clock::now(), 0ms)));
    due = Clock::now() + delay;
    TRY(watch.refresh());
    if (!options.quiet) tell_silent(options, watch.sample(), told);
    const auto rows = watch.rows(options.view);
    print(options.json ? json_lines(watch.sample(), rows) : batch_lines(watch.sample(), rows, options.view.interfaces));
    TRY(end_output());
  }
  return {};
}

// --- on a terminal -----------------------------------------------------------------------------------------------------

class Display {
 public:
  Display(const TopOptions& options, Watch watch, Screen screen)
      : options_(options), view_(options.view), watch_(std::move(watch)), screen_(std::move(screen)) {}

  // Nothing, or the signal that ended it.
  Result<std::optional<int>> run() {
    // The first rates should not wait for a long delay.
    constexpr milliseconds kFirst = 1s;
    const milliseconds delay = options_.delay.value_or(kDelay);
    for (std::uint64_t i = 0; !options_.count || i < *options_.count; ++i) {
      const auto due = Clock::now() + (i == 0 ? std::min(delay, kFirst) : delay);
      TRY(watch_.refresh());
      TRY(draw());
      if (options_.count && i + 1 == *options_.count) break;
      if (TRY(listen_until(due))) break;
    }
    TRY(leave());
    return signal_;
  }

 private:
  // True: it is over.
  Result<bool> listen_until(Clock::time_point due) {
    while (Clock::now() < due) {
      const Screen::Event event = TRY(screen_.next(due - Clock::now()));
      switch (event.kind) {
        case Screen::Event::Kind::kEnd:
          return true;
        case Screen::Event::Kind::kSignal:
          signal_ = event.value;
          return true;
        case Screen::Event::Kind::kKey:
          if (event.value == 'q') return true;
          if (obey(static_cast<char>(event.value))) TRY(draw());
          break;
        case Screen::Event::Kind::kRedraw:
          TRY(draw());
          break;
        case Screen::Event::Kind::kTimeout:
          break;
      }
    }
    return false;
  }

  // A sort key for the second time turns the order round. False: no key of ours.
  bool obey(char key) {
    if (key == 'r') {
      view_.reverse = !view_.reverse;
    } else if (key == 'i') {
      view_.interfaces = !view_.interfaces;
    } else if (top_sort_keys().find(key) != std::string_view::npos) {
      view_.reverse = key == view_.sort && !view_.reverse;
      view_.sort = key;
    } else {
      return false;
    }
    return true;
  }

  // In one piece, each line over the old one: no flicker.
  Status draw() {
    constexpr std::string_view kHome = "\033[H", kRestOfLine = "\033[K", kBelow = "\033[J";
    constexpr std::string_view kTitle = "\033[7m\033[1m", kPlain = "\033[0m";
    const Screen::Size size = Screen::size();
    const TopTable table = top_table(watch_.rows(view_), view_, watch_.sample().silent.size(), size.width, size.height);
    std::string text = strings::cat(kHome, kTitle);
    for (const std::string& title : table.titles) text += strings::cat(title, kRestOfLine, "\r\n");
    text += kPlain;
    for (std::size_t i = 0; i < table.lines.size(); ++i) text += strings::cat(i == 0 ? "" : "\r\n", table.lines[i], kRestOfLine);
    print(text += kBelow);
    return end_output();
  }

  Status leave() {
    print("\r\n");
    const Status written = end_output();
    screen_.close();
    // On a terminal that is gone nothing more can be said.
    return signal_ ? Status{} : written;
  }

  const TopOptions& options_;
  TopView view_;
  Watch watch_;
  Screen screen_;
  std::optional<int> signal_;
};

Result<int> top(TopOptions& options) {
  TRY(refuse_more_arguments(options));
  if (options.batch && options.json) return fail(Error::message("--batch and --json are two forms").hint("give one of them"));
  if (options.batch || options.json) {
    TRY(write_file(options));
    return 0;
  }
  Watch watch = TRY(Watch::begin(options));
  Display display(options, std::move(watch), TRY(Screen::open()));
  if (const auto signal = TRY(display.run())) Screen::die_of(*signal);
  return 0;
}

}  // namespace

int run_top(int argc, char** argv) { return run_command<TopOptions>(kTop, argc, argv, top); }

const Command kTop = {.name = "top",
                      .synopsis = "[--delay=SECONDS] [--sort=SORT] [--reverse]",
                      .summary = "watch what running containers use",
                      .description =
                          "show what the running containers use, again and again; q ends it, r turns the order round,\n"
                          "i shows network interfaces, and a letter of --sort sorts by that (again: the other way round)",
                      .options = kOptions,
                      .run = run_top,
                      .takes_name = false,
                      .name_required = false};

}  // namespace berth::cli
