// Carries out the steps of a plan that run on the host's side: the caller's (kCaller, kBeside) and the monitor's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "child/blob.hpp"

namespace berth::runtime {

// What host steps share. One object lives as long as the process that carries them out.
struct HostContext {
  Fd slots[child::kSlots];
  pid_t init_pid = -1;           // an unreaped child: its number can't be reused while the steps run
  int channel = -1;              // the monitor's end of the channel to the container's first process
  const char* target = nullptr;  // LXC_TARGET of stop hooks: "stop" or "reboot"
  std::string brought_home;      // by kBringHome: its name on the host; empty when that failed
  Fd device_program;             // the one that kDeviceProgram has attached
  Fd namespaces[8];              // of the container's first process, for stop hooks; order of namespace_names()
};

// "user mnt pid uts ipc net cgroup time": the order in which stop hooks get them.
const char* const (&namespace_names())[8];
// Opens what can be opened of /proc/INIT/ns; an absent kind stays empty.
void open_namespaces(HostContext& context);

// Everything but kAwait, kRelease, kAwaitRunning and kClone. kHostHook is waited for. False: `failure` tells why.
bool run_host_step(const child::BlobView& blob, std::uint32_t index, HostContext& context, child::Failure& failure);

// The steps of one phase of the caller (kCaller or kBeside) in order. When one fails, those before it are undone.
bool run_caller_steps(const child::BlobView& blob, child::Phase phase, HostContext& context, child::Failure& failure);
// Undoes all steps of that phase, newest first. What is absent already is fine.
void undo_caller_steps(const child::BlobView& blob, child::Phase phase, HostContext& context);

// Numbers (from 0) of the kUndo steps for the start steps whose entry in `done` is set, in the order to run them.
std::vector<std::uint32_t> undo_order(const child::BlobView& blob, const std::vector<bool>& done);

// Copies an Error into plain data, cut to its bounds.
void describe(const Error& error, std::uint32_t step, child::Failure& failure);

// A hook or another program of the host that runs beside us, its output caught.
class RunningProgram {
 public:
  static Result<RunningProgram> start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] int output_fd() const { return output_.get(); }  // non-blocking
  // Reads what is there: lines go to the debug log, the end is kept. False at end of file.
  bool read_output();
  // For a program that ended: its wait(2) status.
  Result<int> reap();
  // Before reap(). With what it has started, when it leads a session of its own.
  void kill();
  [[nodiscard]] const std::string& output() const { return kept_; }

 private:
  void log_lines(std::string_view text);

  std::string name_;
  pid_t pid_ = -1;
  bool leads_session_ = false;
  Fd pidfd_, output_;
  std::string kept_;  // the end of the output, bounded
  std::string line_;  // an unfinished line for the log
};

// The kHostHook step gets the namespaces of the ended container.
bool wants_namespaces(const child::BlobView& blob, const child::Step& step);
// argv and environment of a kHostHook step, with what only the running process knows added.
struct HookCommand {
  std::vector<std::string> arguments, environment;
  std::string shown;  // for messages
};
HookCommand hook_command(const child::BlobView& blob, const child::Step& step, const HostContext& context);
// Nothing when the hook succeeded, else the failure: call "hook", the command and how it ended, its output.
Status hook_outcome(const HookCommand& command, RunningProgram& hook, int status);

// Removes a cgroup with all below it. `kill`: processes found in it are killed. Absent is success.
Status remove_cgroup_tree(const std::string& directory, bool kill);
// The directory is one of the container's own groups, or below one: nobody else's processes are in it.
bool is_payload_group(const child::BlobView& blob, std::string_view directory);
// kRemoveCgroup: a group of the container goes with all below it; any other one (the monitor's, lxc.cgroup.dir, which other
// containers may share) only when it is empty, else it is left to whoever uses it last.
Status remove_cgroup(const child::BlobView& blob, const std::string& directory, bool kill);
// The groups that the start made beside the container's own (the monitor's, and their parents), as far as they are empty.
void remove_monitor_cgroups(const child::BlobView& blob, const std::vector<bool>& done);

}  // namespace berth::runtime
