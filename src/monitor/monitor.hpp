// The life of one container, from the first step of its plan to the last: one state machine on one loop.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "child/blob.hpp"
#include "monitor/command_server.hpp"
#include "monitor/commands.hpp"
#include "monitor/console.hpp"
#include "monitor/device_rules.hpp"
#include "monitor/freezer.hpp"
#include "monitor/guardian.hpp"
#include "monitor/hook_runner.hpp"
#include "monitor/init_process.hpp"
#include "monitor/loop.hpp"
#include "monitor/schedule.hpp"
#include "monitor/seccomp_proxy.hpp"
#include "runtime/host_steps.hpp"
#include "runtime/monitord_protocol.hpp"
#include "runtime/status_protocol.hpp"

namespace berth::monitor {

class Monitor final : private Control {
 public:
  Monitor(const child::BlobView& blob, Loop loop, Fd status, Fd terminal);

  // A program that kExec steps may name.
  void set_program(unsigned slot, Fd program) {
    context_.slots[slot] = std::move(program);
    ++programs_;
  }
  // The plan is mapped from a file here, so its pages may be dropped when nothing happens.
  void set_plan_pages(std::span<std::byte> pages) { plan_pages_ = pages; }
  // Returns what the process shall exit with, once the container and all that was made for it is gone.
  int run();
  // After run(): leaves the cgroups and ends the process.
  [[noreturn]] void leave(int status);

 private:
  enum class Stage {
    kStarting,  // kPrepare and kParallel steps
    kRunning,
    kKilling,   // a start failed; its first process has been killed and is waited for
    kStopping,  // kStop steps
    kUndoing,   // kUndo steps
    kDestroying,
    kFinished,
  };
  enum class Outcome { kDone, kWaiting, kFailed };

  // Control
  void change_state(runtime::State state) override;
  void take_state(runtime::State state) override;
  Status stop() override;
  Result<std::uint32_t> add_device_rule(const cgroup::DeviceRule& rule) override { return devices_.add(rule); }

  // start-up of the process (monitor_setup.cpp)
  bool set_up();
  Status open_command_socket();
  Status watch_signals();
  Status watch_starter();
  Status open_console();
  Status write_pid_file();
  void open_log();

  // the sequence of steps
  void begin_start(bool reboot);
  void advance();
  Outcome perform(std::uint32_t index);
  Outcome perform_start_step(std::uint32_t index, const child::Step& step);
  Outcome perform_clone(std::uint32_t index, const child::Step& step);
  Outcome perform_hook(std::uint32_t index, const child::Step& step);
  Outcome perform_guard(std::uint32_t index);
  Outcome perform_plain(std::uint32_t index);
  void on_hook_end(std::uint32_t index, const Status& result);
  void step_done(std::uint32_t index);
  bool tolerate(std::uint32_t index);
  // The step that is being carried out or waited for.
  [[nodiscard]] std::uint32_t current_step() const;
  void on_steps_done();
  void on_stop_hook_failed(std::uint32_t index);

  // events
  void on_signal();
  void on_starter();
  void on_groups_made();
  void on_starter_gone();
  void take_over_groups();
  void on_channel();
  void on_message(child::Message& message, std::vector<Fd> descriptors);
  void on_channel_closed();
  void on_init_ended();

  // transitions
  void enter_running();
  void fail_start(const child::Failure& failure);
  void fail_start(const Error& error, std::uint32_t step);
  void begin_stop();
  void begin_undo();
  void after_undo();
  void begin_destroy();
  void keep_namespaces();
  void drop_init();
  void release_files();
  void undo_lazily();
  void tell_starter(runtime::StatusKind kind, std::int32_t value, const child::Failure* failure);
  void tell_monitord(runtime::MessageType type, std::int32_t value) const;
  int finish();

  const child::BlobView& blob_;
  Loop loop_;
  Fd status_;
  Fd terminal_;
  Container container_;
  Console console_;
  Freezer freezer_;
  SeccompProxy seccomp_;
  Commands commands_;
  CommandServer server_;
  HookRunner hook_;
  runtime::HostContext context_;
  DeviceRules devices_;
  Guardian guardian_;
  Fd log_;
  Fd signals_;
  Fd channel_;
  Callback signal_watcher_, starter_watcher_, channel_watcher_, init_watcher_;

  std::span<std::byte> plan_pages_;
  Stage stage_ = Stage::kStarting;
  StepList queue_;
  std::size_t next_ = 0;
  std::vector<bool> done_;
  std::unique_ptr<child::Failure> failure_;
  unsigned programs_ = 0;
  std::uint32_t reached_ = 0;  // bits of child::Point
  bool groups_made_ = true;    // the starting command has no kBeside steps, or has said that they are done
  bool exec_seen_ = false;
  bool was_running_ = false;
  bool rebooting_ = false;
  bool already_running_ = false;
  bool stop_asked_ = false;
  bool started_ = false;
  bool undo_for_reboot_ = false;
  bool undo_again_ = false;  // there is more to undo than when the undoing began
  bool pid_file_written_ = false;
  int init_status_ = 0;  // wait(2) form
};

}  // namespace berth::monitor
