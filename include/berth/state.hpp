// The states of a container.
#pragma once

#include <berth/export.hpp>

#include <optional>
#include <string_view>

namespace berth::api {
inline namespace v0 {

enum class State { kStopped, kStarting, kRunning, kStopping, kAborting, kFreezing, kFrozen, kThawed };

[[nodiscard]] BERTH_API std::string_view to_string(State state) noexcept;  // "RUNNING"
// As lxc-wait takes them: exact, upper case.
[[nodiscard]] BERTH_API std::optional<State> parse_state(std::string_view name) noexcept;

}  // namespace v0
}  // namespace berth::api
