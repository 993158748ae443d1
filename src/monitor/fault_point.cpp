// Runs in: the monitor (test builds).
#include "monitor/fault_point.hpp"

#ifdef BERTH_FAULT_POINTS

#include <signal.h>
#include <stdlib.h>

#include "base/strings.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::monitor {
namespace {

std::int64_t wanted_step(std::string_view part) {
  const char* value = ::getenv("BERTH_STOP_AT");
  const std::string_view text = value == nullptr ? "" : value;
  if (!text.starts_with(part) || text.size() <= part.size() || text[part.size()] != ':') return -1;
  return strings::parse_number<std::int64_t>(text.substr(part.size() + 1)).value_or(-1);
}

}  // namespace

void stop_at_fault_point(std::string_view part, std::uint32_t step) {
  static bool held = false;  // a step that waits is performed again after its event
  if (held || wanted_step(part) != std::int64_t{step}) return;
  held = true;
  sys::raw::call(SYS_kill, sys::current_pid(), SIGSTOP);
}

std::int64_t container_fault_point() { return wanted_step("container"); }

}  // namespace berth::monitor

#endif
