// Tells lxc-monitord what happens to the container, when one runs.
#pragma once

#include <string>

#include "runtime/monitord_protocol.hpp"

namespace berth::runtime {

// Writes the message into the fifo. Never makes it, never waits: where nobody reads, or reads too slowly, the message is lost.
// Refused is what somebody else may have put there: a link, another kind of file, a fifo of another user.
Status announce(const std::string& fifo, const StateMessage& message);

}  // namespace berth::runtime
