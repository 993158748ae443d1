// Runs in: the commands that remove containers.
#include "runtime/own_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/root_owner.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

bool is_link(const std::string& path) {
  const auto info = sys::stat_link(path);
  return info && S_ISLNK(info->st_mode);
}

std::unexpected<Error> not_followed(const Container& container, const std::string& why) {
  return fail(Error::message("the container's directory is a symbolic link that is not followed to remove files", EPERM)
                  .because(strings::cat(container.directory(), " ", why))
                  .hint("remove the link, and what it leads to if nobody needs that, by hand"));
}

// Entries of the lxcpath that are the same directory, but for the container's own.
Result<std::string> other_name(const Container& container, const struct ::stat& about) {
  for (const auto& entry : TRY(sys::list_directory(container.lxcpath()))) {
    const auto info = sys::stat(strings::cat(container.lxcpath(), "/", entry.name));
    const bool same = info && info->st_dev == about.st_dev && info->st_ino == about.st_ino;
    if (same && entry.name != container.name()) return entry.name;
  }
  return std::string{};
}

Status check_is_no_others(const Container& container, const std::string& real, const struct ::stat& about) {
  const std::string other = TRY(other_name(container, about));
  if (!other.empty()) return not_followed(container, strings::cat("leads where ", other, " has its files too"));
  if (TRY(lies_in(container.lxcpath(), real))) return not_followed(container, strings::cat("leads to what holds it: ", real));
  const auto there = Container::open(std::string(os::last_component(real)), std::string(os::parent(real)));
  if (there && TRY(there->state()) != State::kStopped)
    return not_followed(container, strings::cat("leads to a container that runs: ", real));
  return {};
}

}  // namespace

Result<std::string> real_directory(const Container& container) {
  if (!is_link(container.directory())) return container.directory();
  const Fd directory = TRY(sys::open(container.directory(), O_PATH | O_DIRECTORY));
  return sys::read_link(strings::cat("/proc/self/fd/", directory.get()));
}

Status check_own_directory(const Container& container) {
  const auto link = sys::stat_link(container.directory());
  if (!link || !S_ISLNK(link->st_mode)) return {};
  const std::string real = TRY(real_directory(container));
  const auto about = TRY(sys::stat(real));
  const uid_t self = sys::effective_uid();
  if (link->st_uid != self) return not_followed(container, strings::cat("is of the user ", link->st_uid));
  if (about.st_uid != self)
    return not_followed(container, strings::cat("leads to what is of the user ", about.st_uid, ": ", real));
  return check_is_no_others(container, real, about);
}

Status remove_own_directory(const Container& container) {
  if (!is_link(container.directory())) return storage::remove_emptied(container.directory());
  const auto real = real_directory(container);
  if (!real && real.error().code() != ENOENT) return fail(real.error());
  if (real) TRY(storage::remove_emptied(*real));
  if (real && sys::exists(*real)) return {};
  Status gone = sys::unlink(container.directory());
  return !gone && gone.error().code() == ENOENT ? Status{} : gone;
}

}  // namespace berth::runtime
