// What the commands of LXC's socket mean for the container of this monitor.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "cgroup/device_program.hpp"
#include "child/blob.hpp"
#include "monitor/command_server.hpp"
#include "monitor/console.hpp"
#include "monitor/freezer.hpp"
#include "monitor/loop.hpp"

namespace berth::monitor {

// The container as the monitor sees it now.
struct Container {
  runtime::State state = runtime::State::kStopped;
  pid_t init_pid = 0;  // 0 = there is none
  Fd init_pidfd;
  Fd devpts;
};

// The value of a key of the configuration, as the plan carries it; empty = none.
std::string_view config_item(const child::BlobView& blob, std::string_view key);

// What commands may ask the monitor to do.
class Control {
 public:
  virtual void change_state(runtime::State state) = 0;
  // The same for a state that a client has brought about, which tells lxc-monitord of it itself.
  virtual void take_state(runtime::State state) = 0;
  // Ends the container: the stop signal to init, and no reboot.
  virtual Status stop() = 0;
  // What the rule changes, as cgroup::changed_accesses gives it.
  virtual Result<std::uint32_t> add_device_rule(const cgroup::DeviceRule& rule) = 0;

 protected:
  ~Control() = default;
};

class SeccompProxy;

class Commands final : public CommandHandler {
 public:
  Commands(const child::BlobView& blob, Loop& loop, Container& container, Console& console, Freezer& freezer, Control& control);
  // Set once the server exists; needed for subscriptions and late answers.
  void serve(CommandServer& server) { server_ = &server; }

  void notify_through(SeccompProxy& proxy) { seccomp_ = &proxy; }

  Reply on_command(const Request& request) override;
  void on_disconnect(Connection& connection) override;
  // Asks the freezer and answers when the kernel has done it or the time is over. LXC's timeout: seconds, negative = forever.
  Reply change_freezer(const Request& request, bool frozen);

 private:
  Reply dispatch(const Request& request);
  Reply get_tty(const Request& request);
  [[nodiscard]] Reply get_state() const;
  Reply window_changed();
  Reply stop();
  Reply get_cgroup(std::string_view data, bool limit) const;
  Reply get_cgroup_descriptor(const Request& request, bool limit) const;
  Reply get_unified_descriptor(bool limit) const;
  Reply get_cgroup_context(const Request& request) const;
  Reply get_config_item(std::string_view data) const;
  Reply add_state_client(const Request& request);
  Reply console_log(const Request& request);
  Reply serve_state_clients(const Request& request);
  Reply init_pidfd() const;
  Reply add_device_rule(const Request& request);
  [[nodiscard]] Reply get_seccomp_listener() const;
  Reply add_seccomp_listener(const Request& request);
  void poll_freezer();
  void finish_freezing(int result);
  [[nodiscard]] bool alive() const { return container_.init_pid > 0; }

  const child::BlobView& blob_;
  Loop& loop_;
  Container& container_;
  Console& console_;
  Freezer& freezer_;
  Control& control_;
  CommandServer* server_ = nullptr;
  SeccompProxy* seccomp_ = nullptr;

  struct Waiter {
    Connection* connection;
    std::int64_t deadline;  // CLOCK_MONOTONIC ms, negative = none
  };
  Callback freezer_timer_;
  std::vector<Waiter> freezing_;
  bool freezing_to_ = false;
};

}  // namespace berth::monitor
