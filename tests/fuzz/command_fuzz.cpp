// The command socket: whatever a client sends, in whatever pieces, the monitor answers or hangs up; it never waits, never
// reads beyond what it got, and forgets the client in the end.
//
// Input: first byte = how many bytes go into one piece (0 = all at once), the rest = what one client sends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "monitor/command_server.hpp"
#include "monitor/commands.hpp"
#include "plan/plan.hpp"
#include "sys/socket.hpp"

namespace {

using namespace berth;

class NoControl final : public monitor::Control {
 public:
  explicit NoControl(monitor::Container& container) : container_(container) {}
  void change_state(runtime::State state) override { container_.state = state; }
  void take_state(runtime::State state) override { change_state(state); }
  Status stop() override { return {}; }
  Result<std::uint32_t> add_device_rule(const cgroup::DeviceRule&) override { return 0; }

 private:
  monitor::Container& container_;
};

const std::string& encoded_plan() {
  static const std::string bytes = [] {
    plan::Plan plan;
    plan.settings.name = "fuzz";
    plan.settings.lxcpath = "/nowhere";
    plan.settings.config_items = {"lxc.uts.name", "fuzz", "lxc.arch", ""};
    plan.settings.cgroup_paths = {"cpu,cpuacct", "/p", "/l", "/nowhere/cpu", "", "/u", "/u", "/nowhere/unified"};
    return plan::encode(plan);
  }();
  return bytes;
}

struct Timeout final : monitor::Watcher {
  void on_ready(std::uint32_t) override {}
};

// Handles what can be handled now.
void turn(monitor::Loop& loop) {
  Timeout timeout;
  for (int i = 0; i < 3; ++i) {
    loop.set_timer(0, timeout);
    if (!loop.step()) std::abort();
  }
  loop.cancel_timer();
}

void read_all(int fd) {
  char buffer[4096];
  while (::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) continue;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  auto loop = monitor::Loop::open();
  const child::BlobView blob(encoded_plan().data(), encoded_plan().size());
  monitor::Container container;
  container.state = runtime::State::kRunning;
  container.init_pid = 1;
  monitor::Console console(*loop);
  console.keep_history(4096);
  monitor::Freezer freezer("", false);
  NoControl control(container);
  monitor::Commands commands(blob, *loop, container, console, freezer, control);
  monitor::CommandServer server(*loop, commands);
  commands.serve(server);
  auto [client, served] = std::move(*sys::socket_pair(SOCK_STREAM));
  if (!server.adopt(std::move(served))) std::abort();
  const std::size_t piece = data[0] == 0 ? size : data[0];
  for (std::size_t at = 1; at < size; at += piece) {
    const std::size_t count = std::min(piece, size - at);
    if (::send(client.get(), data + at, count, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    turn(*loop);
    server.notify(runtime::State::kFrozen, "fuzz");
  }
  read_all(client.get());
  client.reset();
  turn(*loop);
  if (server.connections() != 0) std::abort();
  return 0;
}
