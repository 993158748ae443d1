// Runs in: every process.
#include "base/log.hpp"

#include <strings.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>

#include "base/strings.hpp"

namespace berth::log {
namespace {

constexpr std::array<std::string_view, 9> kNames = {"TRACE", "DEBUG", "INFO",  "NOTICE", "WARN",
                                                    "ERROR", "CRIT",  "ALERT", "FATAL"};

Sink& sink() {
  static Sink instance;
  return instance;
}

// A lock of the C library's would be one more thing that a program without it lacks; a line takes microseconds.
class Exclusive {
 public:
  Exclusive() {
    while (busy_.test_and_set(std::memory_order_acquire)) continue;
  }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;
  ~Exclusive() { busy_.clear(std::memory_order_release); }

 private:
  static inline std::atomic_flag busy_;
};

std::string digits(unsigned value, std::size_t width) {
  const std::string text = std::to_string(value);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

bool takes(const Sink& sink, Level level) { return (sink.fd >= 0 || sink.forward != nullptr) && level >= sink.threshold; }

// UTC, to the millisecond: 20261122051500.123
std::string timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::chrono::sys_seconds time{std::chrono::seconds(now.tv_sec)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const auto number = [](auto value) { return static_cast<unsigned>(value.count()); };
  return strings::cat(digits(static_cast<unsigned>(static_cast<int>(date.year())), 4),
                      digits(static_cast<unsigned>(date.month()), 2), digits(static_cast<unsigned>(date.day()), 2),
                      digits(number(clock.hours()), 2), digits(number(clock.minutes()), 2), digits(number(clock.seconds()), 2),
                      '.', digits(static_cast<unsigned>(now.tv_nsec / 1'000'000), 3));
}

}  // namespace

std::optional<Level> parse_level(std::string_view text) {
  if (const auto number = strings::parse_number<unsigned>(text); number && *number < kNames.size())
    return static_cast<Level>(*number);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text.size() == kNames[i].size() && ::strncasecmp(text.data(), kNames[i].data(), text.size()) == 0)
      return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string_view level_name(Level level) { return kNames[static_cast<std::size_t>(level)]; }

void set_sink(Sink replacement) {
  const Exclusive turn;
  sink() = std::move(replacement);
}

bool enabled(Level level) {
  const Exclusive turn;
  return takes(sink(), level);
}

void write_to(const Sink& sink, Level level, std::string_view category, std::string_view text) {
  if (!takes(sink, level)) return;
  if (sink.forward != nullptr) sink.forward(sink, level, category, text);
  if (sink.fd < 0) return;
  std::string padded{level_name(level)};
  padded.resize(8, ' ');
  const std::string line =
      strings::cat(sink.prefix, ' ', sink.name, ' ', timestamp(), ' ', padded, ' ', category, " - ", text, '\n');
  // A full disk must not stop a container: a lost log line is accepted here on purpose.
  [[maybe_unused]] const ssize_t ignored = ::write(sink.fd, line.data(), line.size());
}

void write(Level level, std::string_view category, std::string_view text) {
  const Exclusive turn;
  write_to(sink(), level, category, text);
}

}  // namespace berth::log
