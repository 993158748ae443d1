// Runs in: the starting command (kCaller, kBeside) and the monitor.
#include "runtime/host_steps.hpp"

#include <sys/ioctl.h>
#include <sys/mount.h>

#include <cstring>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runtime/bring_home.hpp"
#include "runtime/network_steps.hpp"
#include "sys/bpf.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {

using child::BlobView;
using child::Failure;
using child::Op;
using child::Phase;
using child::Step;

namespace {

constexpr std::string_view kCategory = "steps";
constexpr const char* kNamespaceNames[8] = {"user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time"};

struct Frame {
  const BlobView& blob;
  const Step& step;
  HostContext& context;

  [[nodiscard]] std::string text(int index) const { return blob.text(step.text[index]); }
  [[nodiscard]] std::int64_t num(int index) const { return step.num[index]; }
  [[nodiscard]] std::vector<std::string> list(int index) const {
    const child::StringList words = blob.list(step.list[index]);
    std::vector<std::string> result;
    result.reserve(words.size());
    for (std::uint32_t i = 0; i < words.size(); ++i) result.emplace_back(words[i]);
    return result;
  }
  [[nodiscard]] std::string proc(std::string_view file) const { return strings::cat("/proc/", context.init_pid, '/', file); }
};

Status check(long result, std::string_view call, std::string_view object) {
  if (result < 0) return fail(Error::from_errno(static_cast<int>(-result), call, object));
  return {};
}

// Absent is fine.
Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

Status fill_slot(Frame& frame, std::int64_t slot, Fd fd) {
  if (slot < 0 || slot >= std::int64_t{child::kSlots}) return fail(strings::cat("no slot ", slot));
  frame.context.slots[slot] = std::move(fd);
  return {};
}

Status open_slot(Frame& frame) {
  return fill_slot(frame, frame.num(0), TRY(sys::open(frame.text(0), static_cast<int>(frame.num(1)) | O_CLOEXEC)));
}

Status private_mounts(Frame&) {
  TRY(sys::unshare(CLONE_NEWNS, "mount namespace of the monitor"));
  return sys::mount("", "/", "", MS_SLAVE | MS_REC, "");
}

Status host_pty(Frame& frame) {
  Fd master = TRY(sys::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  int unlocked = 0;
  TRY(check(sys::raw::call(SYS_ioctl, master.get(), TIOCSPTLCK, &unlocked), "ioctl", "/dev/ptmx"));
  return fill_slot(frame, frame.num(0), std::move(master));
}

// Runs a program to its end; its failure shows what it printed.
Status run_program(const HookCommand& command) {
  RunningProgram program = TRY(RunningProgram::start(command.arguments, command.environment));
  const int status = TRY(sys::wait_pidfd(program.pidfd()));
  program.read_output();
  return hook_outcome(command, program, status);
}

// newuidmap PID INSIDE HOST COUNT ...: the pid is ours to add.
Status write_map_by_program(Frame& frame) {
  HookCommand command{frame.list(0), {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, frame.blob.list(frame.step.list[0])[0]};
  command.arguments.insert(command.arguments.begin() + 1, strings::cat(frame.context.init_pid));
  return run_program(command);
}

Status write_id_map(Frame& frame) {
  if (frame.blob.list(frame.step.list[0]).size() > 0) return write_map_by_program(frame);
  return sys::write_attribute(frame.proc(frame.text(0)), frame.text(1));
}

Status process_limit(Frame& frame) {
  return sys::set_process_limit(frame.context.init_pid, static_cast<int>(frame.num(0)), static_cast<rlim64_t>(frame.num(1)),
                                static_cast<rlim64_t>(frame.num(2)));
}

Status send_tree(Frame& frame, const Fd& tree) {
  child::Message message;
  message.kind = child::MessageKind::kTree;
  message.value = 1;
  const int descriptors[] = {tree.get()};
  return sys::send(frame.context.channel, std::as_bytes(std::span(&message, 1)), descriptors);
}

// `named`: another user namespace than the container's.
Status map_owners(Frame& frame, const Fd& tree, const std::string& named, bool recursive) {
  const Fd user_namespace = TRY(sys::open(named.empty() ? frame.proc("ns/user") : named, O_RDONLY | O_CLOEXEC));
  const auto attributes = static_cast<std::uint64_t>(frame.num(0)) | MOUNT_ATTR_IDMAP;
  if (auto set = sys::set_mount_attributes(tree.get(), recursive, attributes, 0, 0, user_namespace.get()); !set)
    return fail(Error::from_errno(set.error().code(), "mount_setattr", frame.text(0) + ", idmap"));
  return {};
}

Status send_idmapped_tree(Frame& frame) {
  const bool recursive = frame.num(1) == 1;
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
  const Fd tree = TRY(sys::open_tree(AT_FDCWD, frame.text(0), flags));
  TRY(map_owners(frame, tree, frame.text(1), recursive));
  return send_tree(frame, tree);
}

Result<Fd> mount_root(Frame& frame) {
  const Fd file_system = TRY(sys::open_filesystem(frame.text(2)));
  const std::vector<std::string> options = frame.list(0);
  for (std::size_t i = 0; i + 1 < options.size(); i += 2) {
    const unsigned command = options[i + 1].empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    TRY(sys::configure_filesystem(file_system.get(), command, options[i], options[i + 1]));
  }
  TRY(sys::configure_filesystem(file_system.get(), FSCONFIG_CMD_CREATE, "", ""));
  return sys::mount_filesystem(file_system.get(), 0);
}

// A detached mount can't be copied before Linux 6.15: each run of the container gets one of its own.
Status send_root(Frame& frame) {
  const Fd tree = TRY(mount_root(frame));
  if (const std::string mapped = frame.text(1); !mapped.empty())
    TRY(map_owners(frame, tree, mapped == "container" ? "" : mapped, false));
  return send_tree(frame, tree);
}

// The instructions behind their hexadecimal digits; what is none becomes a program that the kernel refuses.
std::vector<bpf_insn> decode_program(std::string_view text) {
  constexpr std::size_t kDigits = 2 * sizeof(bpf_insn);
  std::vector<bpf_insn> program(text.size() / kDigits);
  auto* bytes = reinterpret_cast<unsigned char*>(program.data());
  for (std::size_t i = 0; i < program.size() * sizeof(bpf_insn); ++i)
    bytes[i] = strings::parse_number<std::uint8_t>(text.substr(2 * i, 2), 16).value_or(0);
  return program;
}

Status device_program(Frame& frame) {
  Fd program = TRY(sys::load_device_program(decode_program(frame.text(1))));
  const Fd group = TRY(sys::open(frame.text(0), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TRY(sys::attach_device_program(program.get(), group.get(), frame.text(0)));
  frame.context.device_program = std::move(program);
  return {};
}

// From `directory` up to `first`, as far as they are empty.
void remove_made(std::string directory, const std::string& first) {
  while (!first.empty() && directory.size() >= first.size() && sys::remove_directory(directory))
    directory.resize(directory.rfind('/'));
}

// A mount of its own, so that what is mounted below reaches those who follow it and nobody else.
Status share(const std::string& directory) {
  TRY(sys::mount(directory, directory, "", MS_BIND, ""));
  Status shared = sys::mount("", directory, "", MS_PRIVATE, "");
  if (shared) shared = sys::mount("", directory, "", MS_SHARED, "");
  if (!shared) [[maybe_unused]]
    const Status undone = sys::unmount(directory, MNT_DETACH);
  return shared;
}

Status share_directory(Frame& frame) {
  constexpr mode_t kMode = 0711;
  const std::string directory = frame.text(0);
  Status shared = sys::ensure_directory(directory, kMode);
  if (shared) shared = share(directory);
  if (!shared) remove_made(directory, frame.text(1));
  return shared;
}

// EINVAL: somebody has unmounted it already.
Status unshare_directory(Frame& frame) {
  const Status gone = forgive_absence(sys::unmount(frame.text(0), MNT_DETACH | UMOUNT_NOFOLLOW));
  remove_made(frame.text(0), frame.text(1));
  return !gone && gone.error().code() != EINVAL ? gone : Status{};
}

Status ensure_directory(Frame& frame) {
  const std::string directory = frame.text(0);
  if (sys::exists(directory)) return {};
  const auto mode = static_cast<mode_t>(frame.num(0));
  TRY(sys::ensure_directory(directory, mode));
  TRY(sys::chmod(directory, mode));
  return sys::chown(directory, static_cast<uid_t>(frame.num(1)), static_cast<gid_t>(frame.num(2)));
}

Status host_hook(Frame& frame) { return run_program(hook_command(frame.blob, frame.step, frame.context)); }

Status run(Frame& frame) {
  switch (frame.step.op) {
    case Op::kNone:
      return {};
    case Op::kMakeCgroup:
      return sys::make_directory(frame.text(0), static_cast<mode_t>(frame.num(0)));
    case Op::kRemoveCgroup:
      return remove_cgroup(frame.blob, frame.text(0), frame.step.phase == Phase::kUndo);
    case Op::kJoinCgroup:
      return sys::write_attribute(frame.text(0), "0");
    case Op::kOpenSlot:
      return open_slot(frame);
    case Op::kWriteHostFile:
      return sys::write_attribute(frame.text(0), frame.text(1));
    case Op::kChownHost:
      return forgive_absence(sys::chown(frame.text(0), static_cast<uid_t>(frame.num(0)), static_cast<gid_t>(frame.num(1))));
    case Op::kHostHook:
      return host_hook(frame);
    case Op::kPrivateMounts:
      return private_mounts(frame);
    case Op::kHostPty:
      return host_pty(frame);
    case Op::kWriteIdMap:
      return write_id_map(frame);
    case Op::kDenySetgroups:
      return sys::write_attribute(frame.proc("setgroups"), "deny");
    case Op::kWriteProc:
      return sys::write_attribute(frame.proc(frame.text(0)), frame.text(1));
    case Op::kProcessLimit:
      return process_limit(frame);
    case Op::kSendIdmappedTree:
      return send_idmapped_tree(frame);
    case Op::kSendRoot:
      return send_root(frame);
    case Op::kCloseSlot:
      return fill_slot(frame, frame.num(0), Fd());
    case Op::kShareDirectory:
      return share_directory(frame);
    case Op::kUnshareDirectory:
      return unshare_directory(frame);
    case Op::kEnsureDirectory:
      return ensure_directory(frame);
    case Op::kDeviceProgram:
      return device_program(frame);
    case Op::kOpenNetwork:
      return open_network(frame.step, frame.context);
    case Op::kBringHome:
      return bring_home(frame.blob, frame.step, frame.context);
    case Op::kClearNetwork:
      return clear_network(frame.step, frame.context);
    case Op::kNoTransmitChecksum:
      return no_transmit_checksum(frame.blob, frame.step, frame.context);
    case Op::kNetlink:
      return send_netlink(frame.blob, frame.step, frame.context);
    default:
      return fail(Error::from_errno(ENOSYS, "step", "not a step of the host"));
  }
}

void copy_text(char* to, std::size_t size, std::string_view text) {
  const std::size_t count = std::min(size - 1, text.size());
  std::memcpy(to, text.data(), count);
  to[count] = '\0';
}

}  // namespace

const char* const (&namespace_names())[8] { return kNamespaceNames; }

void open_namespaces(HostContext& context) {
  for (std::size_t i = 0; i < std::size(kNamespaceNames); ++i) {
    const std::string path = strings::cat("/proc/", context.init_pid, "/ns/", kNamespaceNames[i]);
    if (auto fd = sys::open(path, O_RDONLY | O_CLOEXEC)) context.namespaces[i] = std::move(*fd);
  }
}

void describe(const Error& error, std::uint32_t step, Failure& failure) {
  failure.step = step;
  failure.error = error.code();
  copy_text(failure.call, sizeof failure.call, error.operation());
  const bool own_words = error.operation().empty() && !error.contexts().empty();
  copy_text(failure.object, sizeof failure.object, own_words ? error.contexts().front() : error.object());
  // The kernel gives its reasons for a refused file system in words.
  const bool of_file_system = error.operation() == "fsconfig" || error.operation() == "fsmount";
  const std::string& output = of_file_system ? error.because() : error.output();
  const std::size_t skipped = output.size() < sizeof failure.output ? 0 : output.size() - sizeof failure.output + 1;
  copy_text(failure.output, sizeof failure.output, std::string_view(output).substr(skipped));
}

bool run_host_step(const BlobView& blob, std::uint32_t index, HostContext& context, Failure& failure) {
  Frame frame{blob, blob.step(index), context};
  const Status result = run(frame);
  if (result) return true;
  describe(result.error(), index, failure);
  return false;
}

std::vector<std::uint32_t> undo_order(const BlobView& blob, const std::vector<bool>& done) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t number = blob.step_count(); number > 0; --number) {
    if (!done[number - 1]) continue;
    for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
      if (blob.step(i).phase == Phase::kUndo && blob.step(i).undoes == number) order.push_back(i);
    }
  }
  return order;
}

namespace {

void undo(const BlobView& blob, const std::vector<bool>& done, HostContext& context) {
  Failure failure;
  for (const std::uint32_t index : undo_order(blob, done)) {
    if (run_host_step(blob, index, context, failure)) continue;
    log::debug(kCategory, strings::cat("undo step ", index, ": ", failure.call, '(', failure.object, "): errno ", failure.error));
  }
}

}  // namespace

bool run_caller_steps(const BlobView& blob, Phase phase, HostContext& context, Failure& failure) {
  std::vector<bool> done(blob.step_count());
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    if (blob.step(i).phase != phase) continue;
    if (run_host_step(blob, i, context, failure)) {
      done[i] = true;
    } else if ((blob.step(i).flags & child::kStepMayFail) == 0) {
      undo(blob, done, context);
      remove_monitor_cgroups(blob, done);
      return false;
    }
  }
  return true;
}

void undo_caller_steps(const BlobView& blob, Phase phase, HostContext& context) {
  std::vector<bool> done(blob.step_count());
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) done[i] = blob.step(i).phase == phase;
  undo(blob, done, context);
  remove_monitor_cgroups(blob, done);
}

}  // namespace berth::runtime
