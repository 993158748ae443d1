// Test builds only: BERTH_STOP_AT=monitor:N (undo:N, container:N) stops the process just before it carries out step N, so that
// a test can kill it there.
#pragma once

#include <cstdint>
#include <string_view>

namespace berth::monitor {

#ifdef BERTH_FAULT_POINTS
void stop_at_fault_point(std::string_view part, std::uint32_t step);
std::int64_t container_fault_point();  // for child::Context::stop_at
#else
inline void stop_at_fault_point(std::string_view, std::uint32_t) {}
inline std::int64_t container_fault_point() { return -1; }
#endif

}  // namespace berth::monitor
