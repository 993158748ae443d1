// LXC's lxc-monitord: one per lxcpath hands on what the containers' monitors write into a fifo to everybody who listens on a
// socket. Fifo RUNDIR/lxc/LXCPATH/monitor-fifo, abstract AF_UNIX SOCK_STREAM address "lxc/%016x/LXCPATH" with the 64-bit FNV-1a
// hash of "lxc/LXCPATH/monitor-sock". Both carry StateMessages; a client that sends "quit" ends it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/command_protocol.hpp"

namespace berth::runtime {

enum class MessageType : std::int32_t {
  kState = 0,  // value = State
  kPriority = 1,
  kExitCode = 2,  // value = wait(2) status of init
};
inline constexpr std::string_view kMonitordQuit = "quit";

// The address without its leading NUL, cut to what an address can hold.
std::string monitord_socket_name(std::string_view lxcpath);
// "lxc/LXCPATH", below the run directory.
std::string monitord_directory(std::string_view lxcpath);
inline constexpr std::string_view kMonitorFifo = "monitor-fifo";
Result<std::string> monitor_fifo(std::string_view lxcpath);

StateMessage make_message(MessageType type, std::string_view name, std::int32_t value);

// Cuts a stream into messages. What can't be one makes the stream unusable as far as it is known: it is dropped, and what is fed
// next is taken for the beginning of a message.
class MessageReader {
 public:
  // The messages that are whole now, their unused bytes cleared.
  std::vector<StateMessage> feed(std::span<const char> bytes);
  [[nodiscard]] std::size_t dropped() const { return dropped_; }  // bytes, since the beginning

 private:
  std::string pending_;
  std::size_t dropped_ = 0;
};

}  // namespace berth::runtime
