// Runs in: the commands that make containers, and library callers, which may have threads; make_mounts in a child that may use
// raw calls only.
#include "runtime/root_namespace.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/handshake.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

using sys::raw::call;

constexpr mode_t kMountPointMode = 0755;

enum class Step : int { kPropagation, kRoot };

struct Word {
  Step step = Step::kRoot;
  long result = 0;
};

// Keeps its namespace until the caller has a descriptor of it, and closes `channel`.
[[noreturn]] void make_mounts(int tree, const char* path, int channel) {
  Word word{Step::kPropagation, call(SYS_mount, nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr)};
  if (word.result == 0)
    word = {Step::kRoot, call(SYS_move_mount, tree, "", AT_FDCWD, path, static_cast<unsigned>(MOVE_MOUNT_F_EMPTY_PATH))};
  call(SYS_sendto, channel, &word, sizeof word, MSG_NOSIGNAL, nullptr, 0);
  char byte = 0;
  while (call(SYS_read, channel, &byte, sizeof byte) == -EINTR) continue;
  for (;;) call(SYS_exit_group, 0);
}

Status await_mounts(const Fd& channel, const std::string& path) {
  Word word;
  const auto received = TRY(sys::receive(channel.get(), std::as_writable_bytes(std::span(&word, 1))));
  if (received.bytes != sizeof word) return fail("the process that was to mount the root file system died", ECHILD);
  if (word.result >= 0) return {};
  const bool propagation = word.step == Step::kPropagation;
  return fail(Error::from_errno(static_cast<int>(-word.result), propagation ? "mount" : "move_mount",
                                propagation ? "/, to get the host's changes only" : path));
}

Result<Fd> namespace_with(int tree, const std::string& path) {
  const sys::HandshakeWindow window;
  auto [own, childs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  sys::SignalsBlocked blocked;
  const sys::Cloned child = TRY(sys::clone(CLONE_NEWNS));
  if (child.pid == 0) {
    call(SYS_close, own.get());
    make_mounts(tree, path.c_str(), childs.get());
  }
  blocked.restore();
  childs.reset();
  const Status made = await_mounts(own, path);
  auto mounts = made ? sys::open(strings::cat("/proc/", child.pid, "/ns/mnt"), O_RDONLY) : fail(made.error());
  own.reset();
  // Where the caller ignores SIGCHLD, or another thread of it waits for everything, there is nothing left to reap.
  [[maybe_unused]] const auto status = sys::wait_pidfd(child.pidfd.get());
  return mounts;
}

}  // namespace

Result<RootNamespace> RootNamespace::open(const storage::View& view, const std::string& path) {
  if (!view.mount()) return RootNamespace(Fd(), view.directory());
  TRY_CONTEXT(sys::ensure_directory(path, kMountPointMode), "cannot make the directory to mount the root file system on");
  Fd mounts =
      TRY_CONTEXT(namespace_with(view.mount().get(), path), "cannot mount the root file system for a program of the host");
  return RootNamespace(std::move(mounts), path);
}

}  // namespace berth::runtime
