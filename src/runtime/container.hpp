// One container: its definition on disk and its life. The C++ face of the runtime that the commands use.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "config/conf.hpp"
#include "plan/plan.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

struct StartRequest {
  bool foreground = false;
  std::vector<std::string> command;  // replaces lxc.init.cmd; empty = configured
  bool with_init = false;            // lxc-execute: the command runs as the child of berth's init
  std::string pid_file;
  std::string console_path, console_log;  // override the configuration when set
  bool close_all_fds = false;
  std::vector<std::pair<std::string, std::string>> defines;    // --define KEY=VALUE, applied after the file
  std::vector<std::pair<int, std::string>> shared_namespaces;  // CLONE_NEW* -> name or pid
  std::string rcfile;                                          // load instead of the container's own configuration
  const config::Conf* configuration = nullptr;                 // in place of any file; not owned
  std::string program;                                         // argv[0] of the caller, for logs: "lxc-start"
  std::string log_file;                                        // -o; empty: lxc.log.file
  std::optional<unsigned> log_level;                           // -l, log::Level; nothing: lxc.log.level
};

struct StartOutcome {
  bool already_running = false;
  pid_t init_pid = -1;
  int exit_status = 0;                // foreground: wait(2) status of init
  std::vector<std::string> warnings;  // one line each, for the person who starts it
};

class Container {
 public:
  // No effect on disk. `lxcpath` absolute; the container need not exist. Error: name not allowed, lxcpath not absolute.
  static Result<Container> open(std::string name, std::string lxcpath);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& lxcpath() const { return lxcpath_; }
  [[nodiscard]] std::string directory() const { return lxcpath_ + "/" + name_; }
  [[nodiscard]] std::string config_file() const { return rcfile_.empty() ? directory() + "/config" : rcfile_; }
  // --rcfile: this file stands for the container's own configuration.
  void use_config_file(std::string path) { rcfile_ = std::move(path); }
  [[nodiscard]] bool defined() const;  // its configuration file exists
  [[nodiscard]] CommandClient client() const;
  // How long its monitor is waited for when it is asked; seconds, 0 = for ever.
  void set_timeout(int seconds) { timeout_ = seconds; }

  Result<config::Conf> load() const;
  Result<State> state() const { return client().state(); }

  Result<plan::Plan> plan(const StartRequest& request) const;
  Result<StartOutcome> start(const StartRequest& request) const;

  // lxc.signal.stop to init, then waits until the monitor has cleaned up. True when it was running.
  Result<bool> kill() const;
  // The halt signal, then waits. Returns false when it still runs after the time-out (seconds; -1 = forever, 0 = do not wait).
  Result<bool> shutdown(int timeout) const;
  // The reboot signal. timeout 0 = do not wait for RUNNING.
  Result<bool> reboot(int timeout) const;
  Status freeze() const;
  Status unfreeze() const;
  // True when one of the states was reached. timeout in seconds, -1 = forever. A container that is not running is waited for.
  Result<bool> wait(const std::vector<State>& states, int timeout) const;

 private:
  Container(std::string name, std::string lxcpath) : name_(std::move(name)), lxcpath_(std::move(lxcpath)) {}
  std::string name_, lxcpath_, rcfile_;
  int timeout_ = 0;
};

}  // namespace berth::runtime
