// Runs in: the starting command and the monitor.
#include "os/syslog.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "base/strings.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::os {
namespace {

constexpr std::string_view kSocket = "/dev/log";
constexpr int kDaemon = 3 << 3, kLocal0 = 16 << 3;

// TRACE ... FATAL as syslog's debug ... emergency.
constexpr std::array<int, 9> kPriorities = {7, 7, 6, 5, 4, 3, 2, 1, 0};

}  // namespace

std::optional<int> syslog_facility(std::string_view name) {
  if (name == "daemon") return kDaemon;
  if (name.size() != 6 || !name.starts_with("local") || name.back() < '0' || name.back() > '7') return std::nullopt;
  return kLocal0 + ((name.back() - '0') << 3);
}

void send_to_syslog(const log::Sink& sink, log::Level level, std::string_view category, std::string_view text) {
  const auto socket = sys::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (!socket) return;
  const std::string line = strings::cat('<', sink.facility | kPriorities[static_cast<std::size_t>(level)], '>', sink.prefix, '[',
                                        sys::current_pid(), "]: ", sink.name, ": ", category, " - ", text);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, kSocket.data(), kSocket.size());
  (void)sys::raw::call(SYS_sendto, socket->get(), line.data(), line.size(), MSG_NOSIGNAL, &address, sizeof address);
}

}  // namespace berth::os
