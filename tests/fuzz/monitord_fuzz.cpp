// lxc-monitord's messages: whatever comes, in whatever pieces, only whole and valid ones come out, each as it is made, and a
// stream that begins anew is understood again.
//
// Input: first byte = how many bytes go into one piece (0 = all at once), the rest = the stream.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "runtime/monitord_protocol.hpp"

namespace {

using namespace berth::runtime;

void check(const StateMessage& message) {
  const auto type = static_cast<MessageType>(message.type);
  if (std::memchr(message.name, '\0', sizeof message.name) == nullptr || message.name[0] == '\0') std::abort();
  if (type == MessageType::kState && (message.value < 0 || message.value >= kStates)) std::abort();
  const StateMessage made = make_message(type, message.name, message.value);
  if (std::memcmp(&made, &message, sizeof made) != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  MessageReader reader;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  std::size_t taken = 0;
  for (std::size_t at = 1; at < size; at += piece) {
    const std::size_t count = std::min(piece, size - at);
    for (const StateMessage& message : reader.feed({reinterpret_cast<const char*>(data) + at, count})) {
      check(message);
      taken += sizeof message;
    }
  }
  if (taken + reader.dropped() > size - 1) std::abort();
  const StateMessage good = make_message(MessageType::kState, "c", 1);
  const std::string filler(sizeof good, '\xff');
  reader.feed({filler.data(), filler.size()});
  reader.feed({filler.data(), filler.size()});  // no message begins with this, wherever the stream stood
  if (reader.feed({reinterpret_cast<const char*>(&good), sizeof good}).size() != 1) std::abort();
  return 0;
}
