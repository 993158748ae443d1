// Runs in: the commands that start, remove, copy or rename a container.
#include "runtime/hold.hpp"

#include <utility>

#include "base/strings.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/other_path.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"

namespace berth::runtime {

Status check_defined(const Container& container) {
  if (container.defined()) return {};
  return fail(Error::message("no such container", ENOENT)
                  .because(container.config_file() + " does not exist")
                  .hint(strings::cat("lxc-ls -P ", container.lxcpath(), " lists the containers; lxc-create makes one")));
}

Status check_complete(const Container& container) {
  TRY(check_made(container));
  return check_not_destroyed(container);
}

Status check_made(const Container& container) {
  switch (TRY(creation_state(container.directory()))) {
    case Creation::kNone:
      return {};
    case Creation::kOngoing:
      return fail(Error::message("another process is creating this container", EBUSY)
                      .because(container.directory() + "/partial is locked")
                      .hint("wait until it is done, or end that process"));
    case Creation::kCrashed:
      break;
  }
  return fail(
      Error::message("the container is incomplete: the process that made it was killed", EINVAL)
          .because(container.directory() + "/partial is there, and nobody holds it")
          .hint(strings::cat("remove it: lxc-destroy -P ", strings::shell_quote(container.lxcpath()), " -n ", container.name())));
}

namespace {

Status check_stopped_by_path(const Container& container, std::string_view way_out) {
  const State state = TRY(container.state());
  if (state == State::kStopped) return {};
  return fail(Error::message(strings::cat("the container is ", state_name(state)), EBUSY)
                  .hint(strings::cat("stop it first (lxc-stop -P ", strings::shell_quote(container.lxcpath()), " -n ",
                                     container.name(), ")", way_out)));
}

// Held for reading by those who copy a container that runs.
Result<std::string> copies_lock_file(const Container& container) {
  return os::ensure_container_lock_file(container.lxcpath(), container.name() + "~copies");
}

// The container's own, for one that may run.
Result<os::FileLock> lock_own(const Container& container) {
  auto own = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  TRY(check_defined(container));
  TRY(check_complete(container));
  TRY(complete_rename(container));
  return own;
}

}  // namespace

Status check_stopped(const Container& container, std::string_view way_out) {
  TRY(check_stopped_by_path(container, way_out));
  for (const Container& other : TRY(running_by_other_paths(container))) TRY(check_stopped_by_path(other, way_out));
  return {};
}

Result<os::FileLock> lock_stopped(const Container& container, std::string_view way_out) {
  auto taken = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  TRY(check_stopped(container, way_out));
  // Nobody begins meanwhile: that takes the lock just taken.
  static_cast<void>(TRY(os::FileLock::acquire(TRY(copies_lock_file(container)))));
  return taken;
}

Result<os::FileLock> lock_copied(const Container& container) {
  auto own = TRY(lock_own(container));
  if (TRY(container.state()) == State::kStopped) return own;
  return os::FileLock::acquire_shared(TRY(copies_lock_file(container)));
}

// In the order in which all take them.
Result<AloneLocks> lock_alone(const Container& container) {
  auto own = TRY(lock_own(container));
  auto copies = TRY(os::FileLock::acquire(TRY(copies_lock_file(container))));
  return AloneLocks{std::move(own), std::move(copies)};
}

Result<os::FileLock> lock_whole(const Container& container, std::string_view way_out) {
  auto taken = TRY(lock_stopped(container, way_out));
  TRY(check_complete(container));
  return taken;
}

}  // namespace berth::runtime
