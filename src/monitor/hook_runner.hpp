// Runs one program of the host at a time beside the loop, so that commands are answered meanwhile: a hook may ask for them.
#pragma once

#include <functional>
#include <optional>

#include "monitor/loop.hpp"
#include "runtime/host_steps.hpp"

namespace berth::monitor {

class HookRunner {
 public:
  using Done = std::function<void(Status)>;
  explicit HookRunner(Loop& loop) : loop_(loop), output_watcher_(*this), end_watcher_(*this) {}
  ~HookRunner() { abandon(); }

  // `done` is called from the loop once the program has ended; not when start() fails.
  Status start(runtime::HookCommand command, Done done);
  [[nodiscard]] bool busy() const { return program_.has_value(); }
  // Kills the program; `done` is not called any more.
  void abandon();

 private:
  struct OutputWatcher final : Watcher {
    explicit OutputWatcher(HookRunner& runner) : runner(runner) {}
    void on_ready(std::uint32_t) override { runner.on_output(); }
    HookRunner& runner;
  };
  struct EndWatcher final : Watcher {
    explicit EndWatcher(HookRunner& runner) : runner(runner) {}
    void on_ready(std::uint32_t) override { runner.on_end(); }
    HookRunner& runner;
  };
  void on_output();
  void on_end();
  void forget();

  Loop& loop_;
  OutputWatcher output_watcher_;
  EndWatcher end_watcher_;
  runtime::HookCommand command_;
  std::optional<runtime::RunningProgram> program_;
  bool output_open_ = false;
  Done done_;
};

}  // namespace berth::monitor
