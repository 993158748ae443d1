// The log sink. Library code writes at debug or below; what a user must know travels as an Error instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::log {

// LXC's priorities, lowest first (lxc.log.level, --logpriority).
enum class Level { kTrace, kDebug, kInfo, kNotice, kWarn, kError, kCrit, kAlert, kFatal };

// Accepts LXC's names in any case ("DEBUG") and its numbers ("1").
std::optional<Level> parse_level(std::string_view text);
std::string_view level_name(Level level);

struct Sink {
  int fd = -1;  // -1 = no log file; not owned
  Level threshold = Level::kError;
  std::string prefix;  // program, "lxc-start"
  std::string name;    // container
  // Gets every line that passes the threshold too (the system's log); null = nobody.
  void (*forward)(const Sink& sink, Level level, std::string_view category, std::string_view text) = nullptr;
  int facility = 0;  // for `forward`: LOG_* of <syslog.h>, shifted
};

// Replaces the sink of this process. Afterwards no thread writes to the one before.
void set_sink(Sink sink);
bool enabled(Level level);
// The same into another sink than that of the process.
void write_to(const Sink& sink, Level level, std::string_view category, std::string_view text);
// Writes "PREFIX NAME YYYYMMDDHHMMSS.mmm LEVEL    CATEGORY - TEXT" in UTC, one write(2) a line. LXC's log layout.
void write(Level level, std::string_view category, std::string_view text);

inline void trace(std::string_view category, std::string_view text) { write(Level::kTrace, category, text); }
inline void debug(std::string_view category, std::string_view text) { write(Level::kDebug, category, text); }

}  // namespace berth::log
