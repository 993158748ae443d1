// The system's log, by its socket.
#pragma once

#include <optional>
#include <string_view>

#include "base/log.hpp"

namespace berth::os {

// LOG_* of <syslog.h> for "daemon" and "local0" to "local7".
std::optional<int> syslog_facility(std::string_view name);

// log::Sink::forward: "PREFIX[PID]: NAME: CATEGORY - TEXT" to /dev/log. Where nobody listens there the line is lost, as with
// syslog(3).
void send_to_syslog(const log::Sink& sink, log::Level level, std::string_view category, std::string_view text);

}  // namespace berth::os
