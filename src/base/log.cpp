// Runs in: every process.
#include "base/log.hpp"

#include <strings.h>
#include <unistd.h>
#include <ctime>

#include <array>

#include "base/strings.hpp"

namespace berth::log {
namespace {

constexpr std::array<std::string_view, 9> kNames = {"TRACE", "DEBUG", "INFO",  "NOTICE", "WARN",
                                                    "ERROR", "CRIT",  "ALERT", "FATAL"};

Sink& sink() {
  static Sink instance;
  return instance;
}

std::string timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &utc);
  const std::string millis = std::to_string(now.tv_nsec / 1'000'000);
  return std::string(text, length) + "." + std::string(3 - millis.size(), '0') + millis;
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

void set_sink(Sink replacement) { sink() = std::move(replacement); }

bool enabled(Level level) { return sink().fd >= 0 && level >= sink().threshold; }

void write(Level level, std::string_view category, std::string_view text) {
  if (!enabled(level)) return;
  std::string padded{level_name(level)};
  padded.resize(8, ' ');
  const std::string line =
      strings::cat(sink().prefix, ' ', sink().name, ' ', timestamp(), ' ', padded, ' ', category, " - ", text, '\n');
  // A full disk must not stop a container: a lost log line is accepted here on purpose.
  [[maybe_unused]] const ssize_t ignored = ::write(sink().fd, line.data(), line.size());
}

}  // namespace berth::log
