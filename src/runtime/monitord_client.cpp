// Runs in: host commands.
#include "runtime/monitord_client.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

#include "base/strings.hpp"
#include "runtime/programs.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

constexpr int kAttempts = 10;
constexpr std::chrono::milliseconds kPause{50};

std::vector<std::string> monitord_environment() {
  std::vector<std::string> environment;
  for (const char* name : {"XDG_RUNTIME_DIR", "HOME", "BERTH_FEATURES_OFF", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) environment.push_back(strings::cat(name, '=', std::string_view(value)));
  }
  return environment;
}

// Returns when it serves, or has found another one that does.
Status start_monitord(const std::string& lxcpath) {
  constexpr int kReadyFd = 3;
  const Fd program = TRY(open_helper("berth-monitord"));
  const Fd null = TRY(sys::open("/dev/null", O_RDWR));
  auto [ready, told] = TRY(sys::make_pipe());
  sys::Spawn spawn;
  spawn.program_fd = program.get();
  spawn.arguments = {"berth-monitord", lxcpath, strings::cat(kReadyFd)};
  spawn.environment = monitord_environment();
  spawn.descriptors = {{null.get(), 0}, {null.get(), 1}, {2, 2}, {told.get(), kReadyFd}};
  spawn.new_session = true;
  spawn.detached = true;
  TRY_CONTEXT(sys::spawn(std::move(spawn)), "starting lxc-monitord");
  told.reset();
  char word = 0;
  TRY(sys::read_some(ready.get(), std::span(&word, 1), "pipe from lxc-monitord"));
  return {};
}

// Abstract addresses are anybody's to take.
Status check_owner(int connection, const std::string& lxcpath) {
  const ucred peer = TRY(sys::peer_credentials(connection));
  if (peer.uid == 0 || peer.uid == sys::effective_uid()) return {};
  return fail(Error::message(strings::cat("what answers as the lxc-monitord of ", lxcpath, " belongs to user ", peer.uid), EPERM)
                  .hint(strings::cat("stop process ", peer.pid)));
}

}  // namespace

Result<MonitordClient> MonitordClient::connect(const std::string& lxcpath) {
  Fd connection = TRY(sys::socket(AF_UNIX, SOCK_STREAM, 0));
  TRY(sys::connect_abstract(connection.get(), monitord_socket_name(lxcpath)));
  TRY(check_owner(connection.get(), lxcpath));
  return MonitordClient(lxcpath, std::move(connection));
}

Result<MonitordClient> MonitordClient::open(const std::string& lxcpath) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto client = connect(lxcpath);
    if (client || client.error().code() != ECONNREFUSED) return client;
    if (attempt > 0) sys::sleep_for(kPause);  // one ends while another begins
    TRY(start_monitord(lxcpath));
  }
  return fail(Error::message(strings::cat("no lxc-monitord for ", lxcpath, " could be started"), ECONNREFUSED)
                  .because("another process holds its fifo or its address, and does not answer")
                  .hint(strings::cat("look for lxc-monitord or berth-monitord ", lxcpath, " among the processes")));
}

Result<std::vector<StateMessage>> MonitordClient::receive() {
  char buffer[16 * sizeof(StateMessage)];
  const auto received = TRY(sys::receive(connection_.get(), std::as_writable_bytes(std::span(buffer))));
  if (received.bytes == 0) {
    return fail(Error::message(strings::cat("the lxc-monitord of ", lxcpath_, " has ended"), ECONNRESET)
                    .because("it was told to quit (lxc-monitor -Q), or this command read too slowly"));
  }
  auto messages = reader_.feed({buffer, received.bytes});
  if (reader_.dropped() > 0)
    return fail(Error::message(strings::cat("the lxc-monitord of ", lxcpath_, " sent what is no message"), EPROTO));
  return messages;
}

Status MonitordClient::ask_to_quit() {
  return sys::send(connection_.get(), std::as_bytes(std::span(kMonitordQuit.data(), kMonitordQuit.size())));
}

}  // namespace berth::runtime
