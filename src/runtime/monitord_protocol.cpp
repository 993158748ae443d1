// Runs in: host commands, the monitor, berth-monitord.
#include "runtime/monitord_protocol.hpp"

#include <algorithm>
#include <cstring>

#include "base/strings.hpp"
#include "os/rundir.hpp"

namespace berth::runtime {
namespace {

constexpr std::size_t kLongestAddress = 106;  // of sun_path, between NULs

// A state that has no name, or a name without an end, is no message.
bool is_valid(const StateMessage& message) {
  const auto* end = static_cast<const char*>(std::memchr(message.name, '\0', sizeof message.name));
  if (end == nullptr || end == message.name) return false;
  switch (static_cast<MessageType>(message.type)) {
    case MessageType::kState:
      return message.value >= 0 && message.value < kStates;
    case MessageType::kPriority:
    case MessageType::kExitCode:
      return true;
  }
  return false;
}

}  // namespace

std::string monitord_socket_name(std::string_view lxcpath) {
  const std::string owner = strings::cat("lxc/", lxcpath, "/monitor-sock");
  std::string name = strings::cat("lxc/", hashed_name(owner), '/', lxcpath);
  if (name.size() > kLongestAddress) name.resize(kLongestAddress);
  return name;
}

std::string monitord_directory(std::string_view lxcpath) { return strings::cat("lxc/", strings::trim(lxcpath, "/")); }

Result<std::string> monitor_fifo(std::string_view lxcpath) {
  return strings::cat(TRY(os::run_directory()), '/', monitord_directory(lxcpath), '/', kMonitorFifo);
}

StateMessage make_message(MessageType type, std::string_view name, std::int32_t value) {
  StateMessage message{};
  message.type = static_cast<std::int32_t>(type);
  name.copy(message.name, sizeof message.name - 1);
  message.value = value;
  return message;
}

std::vector<StateMessage> MessageReader::feed(std::span<const char> bytes) {
  pending_.append(bytes.data(), bytes.size());
  std::vector<StateMessage> messages;
  std::size_t at = 0;
  for (; pending_.size() - at >= sizeof(StateMessage); at += sizeof(StateMessage)) {
    StateMessage message;
    std::memcpy(&message, pending_.data() + at, sizeof message);
    if (!is_valid(message)) {
      dropped_ += pending_.size() - at;
      pending_.clear();
      return messages;
    }
    messages.push_back(make_message(static_cast<MessageType>(message.type), message.name, message.value));
  }
  pending_.erase(0, at);
  return messages;
}

}  // namespace berth::runtime
