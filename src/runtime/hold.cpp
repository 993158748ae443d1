// Runs in: the commands that remove, copy or rename a container.
#include "runtime/hold.hpp"

#include <utility>

#include "base/strings.hpp"
#include "runtime/partial.hpp"

namespace berth::runtime {

Status check_defined(const Container& container) {
  if (container.defined()) return {};
  return fail(Error::message("no such container", ENOENT)
                  .because(container.config_file() + " does not exist")
                  .hint(strings::cat("lxc-ls -P ", container.lxcpath(), " lists the containers; lxc-create makes one")));
}

Status check_complete(const Container& container) {
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

Status check_stopped(const Container& container, std::string_view way_out) {
  const State state = TRY(container.state());
  if (state == State::kStopped) return {};
  return fail(Error::message(strings::cat("the container is ", state_name(state)), EBUSY)
                  .hint(strings::cat("stop it first (lxc-stop -P ", strings::shell_quote(container.lxcpath()), " -n ",
                                     container.name(), ")", way_out)));
}

Result<os::FileLock> lock_stopped(const Container& container, std::string_view way_out) {
  auto taken = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  TRY(check_stopped(container, way_out));
  return taken;
}

}  // namespace berth::runtime
