// Containers: their life, what they consist of, and what can be done while they run.
#pragma once

#include <berth/config.hpp>
#include <berth/descriptor.hpp>
#include <berth/process.hpp>
#include <berth/result.hpp>
#include <berth/state.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace berth::api {
inline namespace v0 {

class Container;

inline constexpr std::chrono::seconds kForever{-1};

struct StartOptions {
  std::vector<std::string> command{};                      // instead of the configured init
  bool with_init = false;                                  // `command` runs below a small init of berth's, as with lxc-execute
  bool foreground = false;                                 // start() returns when the container has ended
  const Config* config = nullptr;                          // instead of the container's file; not owned
  std::vector<std::pair<std::string, std::string>> set{};  // keys and values on top of the configuration, for this time
  std::string pid_file{}, console_path{}, console_log{};
};

struct Started {
  pid_t init_pid = -1;
  ExitStatus status{};                  // foreground: how init has ended
  std::vector<std::string> warnings{};  // one line each
};

struct CreateOptions {
  std::string template_name = "none";  // "busybox", an absolute path, or "none": no root file system is made
  std::vector<std::string> template_arguments{};
  const Config* config = nullptr;  // to begin with; not owned. Nothing: lxc.default_config
  std::string root_directory{};    // empty: LXCPATH/NAME/rootfs
  std::string back_end{};          // empty: "dir"
  bool quiet = true;               // the template's output is not shown; an Error has its complaints
  // Of some back ends only, and an Error with the others. Empty or 0: the host's lxc.bdev.* settings, or the back end's default.
  std::string file_system{};                                  // on a device: "ext4"
  std::uint64_t size = 0;                                     // bytes, of a device or a limit
  std::string volume_group{}, logical_volume{}, thin_pool{};  // lvm
  std::string zfs_root{};                                     // zfs: the dataset above
  std::string rbd_name{}, rbd_pool{}, rbd_user{};             // rbd
};

struct DestroyOptions {
  bool force = false;      // a running container is stopped first
  bool snapshots = false;  // those are removed too
  // The copies that need its storage are destroyed first, those that need them before that. Error, before anything is touched:
  // one of them runs (also with `force`), has snapshots (without `snapshots`), or does not really need it.
  bool clones = false;
  std::function<void(const Container&)> clone_gone{};  // told of each of them when it is gone; throws nothing
};

struct CloneOptions {
  std::string lxcpath{};          // empty: the source's
  bool snapshot = false;          // shares unchanged data with the source; Error where the back end can't
  bool snapshot_if_able = false;  // the same, else a full copy
  bool keep_host_name = false, keep_hardware_addresses = false;
  bool allow_running = false;
  std::string back_end{};  // empty: chosen from the source's
  std::vector<std::string> hook_arguments{};
};

struct Snapshot {
  std::string name{};  // "snap0"
  std::string comment_file{};
  std::string timestamp{};  // local time, "2026:11:22 13:37:00"; empty when not known
};

// Of a running container.
struct Mount {
  std::string source{};     // on the host
  std::string target{};     // absolute, in the container; made when missing
  std::string type{};       // empty: `source` itself is bound there
  unsigned long flags = 0;  // MS_* of mount(2)
  std::string data{};
};

struct AddressFilter {
  std::string interface{};  // empty: all but the loopback
  std::string family{};     // "inet", "inet6"; empty: both
  int scope = 0;            // of IPv6 addresses, 0 = global
};

struct JoinOptions {
  int number = -1;  // as with terminal()
  char escape = 'a';
  int stdin_fd = 0, stdout_fd = 1, stderr_fd = 2;  // not owned
};

// Terminal of a container. Keep it while the descriptor is used.
struct Terminal {
  int number = 0;  // 0 = the console
  Descriptor master{};
  Descriptor lease{};  // closing it gives the terminal back
};

// One container, which need not exist. Move-only. It holds a name, no connection: functions ask anew each time, and different
// threads may use one object at the same time, except for rename(), assignment and moves. What was moved from gives the Error
// EBADF.
//
// Of a container that does not run, what needs a running one gives the Error ECONNREFUSED.
class [[nodiscard]] Container {
 public:
  // No effect on disk. Empty lxcpath: the configured one. Error: the name is not allowed, the path not absolute.
  [[nodiscard]] BERTH_API static Result<Container> open(const std::string& name, const std::string& lxcpath = {});
  // Complete, or nothing of it is left.
  [[nodiscard]] BERTH_API static Result<Container> create(const std::string& name, const CreateOptions& options = {},
                                                          const std::string& lxcpath = {});
  BERTH_API Container(Container&&) noexcept;
  BERTH_API Container& operator=(Container&&) noexcept;
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  BERTH_API ~Container();

  [[nodiscard]] BERTH_API std::string name() const;
  [[nodiscard]] BERTH_API std::string lxcpath() const;
  [[nodiscard]] BERTH_API std::string config_file() const;
  [[nodiscard]] BERTH_API bool defined() const;  // its configuration file exists

  // --- configuration -------------------------------------------------------------------------------------------------------
  [[nodiscard]] BERTH_API Result<Config> config() const;
  // Defines the container where it is not.
  [[nodiscard]] BERTH_API Status save_config(const Config& config) const;
  // A key as the running container was started with.
  [[nodiscard]] BERTH_API Result<std::string> running_config_item(const std::string& key) const;

  // --- life ----------------------------------------------------------------------------------------------------------------
  [[nodiscard]] BERTH_API Result<State> state() const;
  [[nodiscard]] BERTH_API Result<bool> running() const;    // any state but STOPPED
  [[nodiscard]] BERTH_API Result<pid_t> init_pid() const;  // on the host
  [[nodiscard]] BERTH_API Result<Descriptor> init_pidfd() const;
  // Error EBUSY: it runs already.
  [[nodiscard]] BERTH_API Result<Started> start(const StartOptions& options = {}) const;
  // Kills it and waits until all of it is gone. True when it was running.
  [[nodiscard]] BERTH_API Result<bool> stop() const;
  // Asks init to halt. False: it still runs after that time. 0 does not wait, and gives true.
  [[nodiscard]] BERTH_API Result<bool> shutdown(std::chrono::seconds timeout = kForever) const;
  // Asks init to reboot. False: it has not come up again in that time. 0 does not wait, and gives true.
  [[nodiscard]] BERTH_API Result<bool> reboot(std::chrono::seconds timeout = std::chrono::seconds(0)) const;
  // Without effect on what is frozen already, or is not.
  [[nodiscard]] BERTH_API Status freeze() const;
  [[nodiscard]] BERTH_API Status unfreeze() const;
  // For one of the states, also of a container that will only be started. False: not in that time.
  [[nodiscard]] BERTH_API Result<bool> wait(const std::vector<State>& states, std::chrono::seconds timeout = kForever) const;

  // EBUSY: copies that share its storage need it, and `clones` was not asked for; it runs, without `force`.
  [[nodiscard]] BERTH_API Status destroy(const DestroyOptions& options = {}) const;
  // An empty name: the same, below another lxcpath.
  [[nodiscard]] BERTH_API Result<Container> clone(const std::string& name, const CloneOptions& options = {}) const;
  // The object stands for the renamed container afterwards.
  [[nodiscard]] BERTH_API Status rename(const std::string& name);

  // --- snapshots -----------------------------------------------------------------------------------------------------------
  // The comment is copied from a file; empty: none.
  [[nodiscard]] BERTH_API Result<std::string> take_snapshot(const std::string& comment_file = {}) const;
  [[nodiscard]] BERTH_API Result<std::vector<Snapshot>> snapshots() const;
  // Into a new container, or with an empty name in place of this one.
  [[nodiscard]] BERTH_API Result<Container> restore_snapshot(const std::string& snapshot, const std::string& new_name = {}) const;
  [[nodiscard]] BERTH_API Status destroy_snapshot(const std::string& snapshot) const;

  // --- commands ------------------------------------------------------------------------------------------------------------
  // Each gives an Error when the command could not be executed: ENOENT, EACCES. An empty command is the user's shell.
  [[nodiscard]] BERTH_API Result<ExitStatus> run(const std::vector<std::string>& command,
                                                 const AttachOptions& options = {}) const;
  // Does not wait.
  [[nodiscard]] BERTH_API Result<Process> spawn(const std::vector<std::string>& command, const AttachOptions& options = {}) const;
  // Reads what it prints until both of its outputs are closed, and waits. `input` is what it reads; options.stdin_fd and the
  // others don't count.
  [[nodiscard]] BERTH_API Result<Output> capture(const std::vector<std::string>& command, const std::string& input = {},
                                                 const AttachOptions& options = {}) const;
  // Runs `function` in a copy of this process that has entered the container; what it returns is the exit status. Other threads
  // do not exist in the copy: locks that they held stay held. An exception that leaves it ends the copy (SIGABRT).
  [[nodiscard]] BERTH_API Result<Process> call(const std::function<int()>& function, const AttachOptions& options = {}) const;

  // --- terminals -----------------------------------------------------------------------------------------------------------
  // -1: the first that is free; 0: the console.
  [[nodiscard]] BERTH_API Result<Terminal> terminal(int number = -1) const;
  // Joins a terminal of the caller's to one of the container's, as lxc-console does, until the user types Ctrl+`escape` and q, or
  // either side ends. The caller's is raw meanwhile; signals of this thread are blocked.
  [[nodiscard]] BERTH_API Status join_terminal(const JoinOptions& options = {}) const;
  // What the console has printed, as far as lxc.console.buffer.size keeps it.
  [[nodiscard]] BERTH_API Result<std::string> console_log(bool clear = false) const;

  // --- while it runs -------------------------------------------------------------------------------------------------------
  [[nodiscard]] BERTH_API Result<std::vector<std::string>> interfaces() const;
  [[nodiscard]] BERTH_API Result<std::vector<std::string>> addresses(const AddressFilter& filter = {}) const;
  // Moves an interface of the host there, under `inside` when it is not empty; and back.
  [[nodiscard]] BERTH_API Status attach_interface(const std::string& interface, const std::string& inside = {}) const;
  [[nodiscard]] BERTH_API Status detach_interface(const std::string& inside, const std::string& outside = {}) const;
  [[nodiscard]] BERTH_API Status mount(const Mount& mount) const;
  [[nodiscard]] BERTH_API Status unmount(const std::string& target, unsigned long flags = 0 /* MNT_*, UMOUNT_* */) const;
  // `source` is the host's node; an empty target is the same path.
  [[nodiscard]] BERTH_API Status add_device(const std::string& source, const std::string& target = {}) const;
  [[nodiscard]] BERTH_API Status remove_device(const std::string& source, const std::string& target = {}) const;
  // A file of its control group: "memory.max", "cpu.shares"; names of both versions are understood where one can be translated.
  [[nodiscard]] BERTH_API Result<std::string> cgroup_item(const std::string& file) const;
  [[nodiscard]] BERTH_API Status set_cgroup_item(const std::string& file, const std::string& value) const;
  // Its devpts mount.
  [[nodiscard]] BERTH_API Result<Descriptor> devpts() const;
  // Where calls that its seccomp policy hands on are told of, seccomp_unotify(2). Error EBADF: there are none.
  [[nodiscard]] BERTH_API Result<Descriptor> seccomp_notify() const;

  struct Impl;  // the library's own
  explicit Container(std::unique_ptr<Impl> impl) noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

enum class Which { kAll, kDefined, kRunning };

// The containers of one lxcpath, sorted by name; what it was like when containers() was called.
//   const auto all = berth::api::containers();
//   if (all) for (const berth::api::Container& one : *all) ...
// (`for (... : *containers())` would walk over what is gone already: keep the result in a variable.)
class [[nodiscard]] Containers {
 public:
  using value_type = Container;
  using const_iterator = std::vector<Container>::const_iterator;
  using iterator = std::vector<Container>::iterator;
  explicit Containers(std::vector<Container> list) noexcept : list_(std::move(list)) {}
  Containers(Containers&&) noexcept = default;
  Containers& operator=(Containers&&) noexcept = default;
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;
  ~Containers() = default;

  [[nodiscard]] const_iterator begin() const noexcept { return list_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return list_.end(); }
  [[nodiscard]] iterator begin() noexcept { return list_.begin(); }
  [[nodiscard]] iterator end() noexcept { return list_.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }

 private:
  std::vector<Container> list_;
};

// Empty lxcpath: the configured one; one that does not exist has no containers. kDefined: those with a configuration file;
// kRunning: those with a monitor; kAll: either.
[[nodiscard]] BERTH_API Result<Containers> containers(Which which = Which::kAll, const std::string& lxcpath = {});

// A key of lxc.conf, "lxc.lxcpath", or its default.
[[nodiscard]] BERTH_API Result<std::string> global_setting(const std::string& key);
[[nodiscard]] BERTH_API std::string version();

}  // namespace v0
}  // namespace berth::api
