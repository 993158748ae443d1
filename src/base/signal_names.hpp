// Signals as lxc.signal.* and lxc-stop write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::signals {

// "SIGTERM" (any case), "SIGRTMIN+3", "SIGRTMAX-2", or a number from 0 (no signal) to SIGRTMAX. A bare "TERM" is refused, as LXC
// does: it is how a mistyped number or option would look.
std::optional<int> number_of(std::string_view text);

// "SIGTERM", "SIGRTMIN+3"; a number without a name: "signal 33".
std::string name_of(int number);

}  // namespace berth::signals
