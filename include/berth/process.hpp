// Commands in a running container.
#pragma once

#include <sys/types.h>
#include <berth/descriptor.hpp>
#include <berth/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::api {
inline namespace v0 {

// How a process ended: a status of wait(2).
class ExitStatus {
 public:
  ExitStatus() noexcept = default;
  explicit ExitStatus(int wait_status) noexcept : status_(wait_status) {}
  [[nodiscard]] int wait_status() const noexcept { return status_; }
  [[nodiscard]] bool success() const noexcept { return status_ == 0; }
  [[nodiscard]] std::optional<int> signal() const noexcept {  // that ended it
    return (status_ & 0x7f) == 0 ? std::nullopt : std::optional(status_ & 0x7f);
  }
  // What a shell would say: the exit code, or 128 and the signal.
  [[nodiscard]] int code() const noexcept { return signal() ? 128 + *signal() : (status_ >> 8) & 0xff; }

 private:
  int status_ = 0;
};

// By default a command gets what processes of the container have: its namespaces, groups, limits, and no more rights.
struct AttachOptions {
  bool keep_cgroup = false;        // stays in the caller's control groups
  bool keep_capabilities = false;  // keeps the caller's
  bool keep_label = false;         // of the security module
  bool no_new_privileges = false;
  std::optional<int> namespaces{};              // CLONE_NEW* mask; nothing = all
  std::optional<std::string> directory{};       // nothing = the caller's where it exists inside, else "/"
  std::optional<uid_t> uid{};                   // inside; nothing = 0
  std::optional<gid_t> gid{};                   // inside; nothing = 0
  std::optional<std::vector<gid_t>> groups{};   // supplementary ones; nothing = none
  bool clear_environment = false;               // else the caller's is handed on
  std::vector<std::string> keep_environment{};  // names that survive clear_environment
  std::vector<std::string> environment{};       // "NAME=VALUE", applied last
  // Not owned.
  int stdin_fd = 0, stdout_fd = 1, stderr_fd = 2;
  // When one of the three is a terminal the command gets one of the container's, joined to it. The call then lasts as long as the
  // command.
  bool terminal = false;
};

// A process in the container, child of the calling process. Move-only; for one thread at a time. It is not ended by the
// destructor; who doesn't wait() leaves a zombie until the program ends.
class [[nodiscard]] Process {
 public:
  BERTH_API Process(Process&&) noexcept;
  BERTH_API Process& operator=(Process&&) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  BERTH_API ~Process();

  [[nodiscard]] BERTH_API pid_t pid() const noexcept;  // on the host
  // A pidfd: readable when the process has ended. Owned by this object.
  [[nodiscard]] BERTH_API int descriptor() const noexcept;
  // The same each time. Error ECHILD: the program's own handling of SIGCHLD has taken the status, and the kernel keeps none
  // (before 6.15).
  [[nodiscard]] BERTH_API Result<ExitStatus> wait();
  // Nothing: it still runs.
  [[nodiscard]] BERTH_API Result<std::optional<ExitStatus>> try_wait();
  [[nodiscard]] BERTH_API Status signal(int number) const;

  struct Impl;  // the library's own
  explicit Process(std::unique_ptr<Impl> impl) noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

// What a command has printed.
struct Output {
  ExitStatus status{};
  std::string out{}, err{};
};

}  // namespace v0
}  // namespace berth::api
