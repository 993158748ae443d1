// Talks to a monitor: berth's or LXC's own, over LXC's command socket.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "cgroup/device_program.hpp"
#include "runtime/command_protocol.hpp"

namespace berth::runtime {

class CommandClient {
 public:
  CommandClient(std::string lxcpath, std::string name);
  // A monitor whose container is not known yet (a hashed address).
  static CommandClient at_address(std::string address);

  // How long an answer is awaited; 0 = for ever, as at first. One that does not come in time is the Error ETIMEDOUT. Not for what
  // a returned connection delivers later.
  void set_timeout(int seconds) { timeout_ = seconds; }

  // STOPPED when nobody listens. Other failures (permission denied) are Errors.
  Result<State> state() const;
  struct Vitals {
    State state = State::kStopped;
    std::optional<pid_t> init;  // of a container that has one; LXC's monitors are asked by init_pid()
  };
  // The vitals of many containers, in their order, in one exchange with each monitor: a number of monitors is asked ahead of the
  // answer that is awaited, so that they answer side by side.
  static std::vector<Result<Vitals>> vitals_of(std::span<const CommandClient> clients);
  Result<pid_t> init_pid() const;
  Result<Fd> init_pidfd() const;
  Result<int> clone_flags() const;
  // Path below the hierarchy of `controller` ("" = unified), e.g. "/lxc.payload.web1".
  Result<std::string> cgroup(const std::string& controller) const;
  Result<std::string> limit_cgroup(const std::string& controller) const;
  Result<std::string> config_item(const std::string& key) const;
  // Several questions for the price of one: all are sent before the first answer is awaited.
  struct Question {
    Command command;
    std::string argument;  // empty = none
  };
  struct Answer {
    std::string text;  // ends at its first NUL
    Fd descriptor;     // of commands that give one
  };
  [[nodiscard]] std::vector<Result<Answer>> ask_all(std::span<const Question> questions) const;
  Result<std::string> name() const;
  Result<std::string> lxcpath() const;
  // Sends the stop signal. Returns the connection: its end of file says that the monitor has cleaned up.
  Result<Fd> stop() const;
  Status freeze(int timeout_seconds) const;
  Status unfreeze(int timeout_seconds) const;

  // The devpts mount of the container.
  [[nodiscard]] Result<Fd> devpts() const;
  // Directory of the container's group in the hierarchy of `controller` ("" = unified), where init lives or where limits are.
  [[nodiscard]] Result<Fd> cgroup_descriptor(const std::string& controller) const;
  [[nodiscard]] Result<Fd> limit_cgroup_descriptor(const std::string& controller) const;
  // The groups of all hierarchies.
  struct CgroupDirectories {
    CgroupLayout layout = CgroupLayout::kLegacy;
    std::vector<Fd> directories;
  };
  [[nodiscard]] Result<CgroupDirectories> cgroup_descriptors() const;
  // Of a host without a v1 devices hierarchy; berth's monitors take it on every host. LXC's monitors answer EINVAL elsewhere:
  // there the files of the group are written. What the rule changes, as cgroup::changed_accesses gives it; LXC's monitors say 0.
  [[nodiscard]] Result<std::uint32_t> add_device_rule(const cgroup::DeviceRule& rule) const;
  // The unit of systemd that the container was started in; EINVAL: in none.
  [[nodiscard]] Result<std::string> systemd_scope() const;

  struct Tty {
    int number;
    Fd master;
    Fd lease;  // keep open while the terminal is used
  };
  Result<Tty> tty(int number) const;  // -1 = first free, 0 = console
  Status window_changed() const;
  Result<std::string> console_log(bool read, bool clear, bool write_logfile, std::uint64_t maximum) const;

  // Subscribes to states. `current` is what the container is in when it is one of the wanted already (then nothing is sent).
  struct Subscription {
    Fd connection;  // delivers one StateMessage; closed = STOPPED
    std::optional<State> current;
  };
  Result<Subscription> add_state_client(const bool (&wanted)[kStates]) const;
  // Subscribes to the RUNNING that follows the next reboot.
  Result<Subscription> add_reboot_client() const;
  // The descriptor that calls of the container are notified on (seccomp_unotify(2)). Error EBADF: its policy has no such calls.
  Result<Fd> seccomp_notify_fd() const;
  // Gives the monitor another one, of a process that has entered the container.
  Status add_seccomp_listener(int listener) const;
  // Tells the monitor, its subscribers and lxc-monitord of a state that this process brought about (the freezer of cgroup v1).
  Status announce(State state) const;

  // False: nothing listens on the socket, the container is not running (or its monitor died).
  Result<bool> reachable() const;

 private:
  struct Reply;
  Result<Fd> connect() const;
  [[nodiscard]] Status check_owner(int connection) const;
  Result<Reply> receive_body(Command command, Reply reply) const;
  Result<Reply> ask(Command command, std::int64_t scalar, std::span<const std::byte> data) const;
  Result<Reply> answer(Command command, Reply asked) const;
  Result<Answer> checked(Command command, Result<Reply> reply) const;
  Result<Reply> exchange(Command command, std::int64_t scalar, std::span<const std::byte> data = {}) const;
  Result<std::int64_t> number_of(Command command, Result<Reply> reply) const;
  Result<std::int32_t> ask_number(Command command) const;
  Result<Vitals> vitals_in(Result<std::int64_t> number) const;
  Result<std::string> ask_text(Command command, const std::string* argument = nullptr) const;
  Result<Subscription> subscribe(const std::int32_t (&wanted)[kStates]) const;
  Result<Fd> descriptor_of(Command command, Result<Reply> reply) const;
  Result<Fd> ask_cgroup(Command command, const std::string& controller) const;
  Error not_running() const;
  Error silent() const;
  Error refused(Command command, int code) const;

  std::string lxcpath_, name_, address_;
  int timeout_ = 0;  // seconds
};

// Names of the running containers below `lxcpath`, from /proc/net/unix: one pass, no connection for plain addresses.
Result<std::vector<std::string>> list_active(const std::string& lxcpath);

}  // namespace berth::runtime
