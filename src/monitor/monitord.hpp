// lxc-monitord: see runtime/monitord_protocol.hpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "monitor/loop.hpp"
#include "runtime/monitord_protocol.hpp"

namespace berth::monitor {

// The two ends that it serves. As long as they are open, no other one serves this lxcpath.
struct MonitordEnds {
  Fd fifo, listener;
  std::string fifo_path;
};
// Makes the fifo (0600, in directories of this user's) and locks it as LXC does. EADDRINUSE or EAGAIN: there is another one.
Result<MonitordEnds> open_monitord_ends(const std::string& lxcpath);

class Monitord final {
 public:
  static constexpr int kIdleMs = 30'000;  // without a client
  static constexpr std::size_t kMostClients = 256;

  Monitord(Loop loop, MonitordEnds ends, int idle_ms = kIdleMs);
  ~Monitord();
  Status watch();
  // Until it is told to quit, a signal ends it, or nobody has listened for a while.
  void run();
  void step();
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

 private:
  struct Client;
  Status watch_signals();
  void on_fifo();
  void on_connection();
  void on_client(Client& client);
  void hand_on(const runtime::StateMessage& message);
  void drop(Client& client);
  void await_client();

  Loop loop_;
  MonitordEnds ends_;
  int idle_ms_;
  Fd signals_;
  Callback fifo_watcher_, listener_watcher_, signal_watcher_, idle_watcher_;
  runtime::MessageReader reader_;
  std::vector<std::unique_ptr<Client>> clients_;
  bool over_ = false;
};

}  // namespace berth::monitor
