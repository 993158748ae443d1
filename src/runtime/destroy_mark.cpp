// Runs in: the commands that use a container's root file system, the start among them.
#include "runtime/destroy_mark.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kRootGone = "/root-gone";  // behind the name, which has no '/'

Status sync_directory(const std::string& path) {
  const Fd directory = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  return sys::sync_file(directory.get(), path);
}

}  // namespace

std::string destroy_mark_of(const Container& container) { return strings::cat(container.directory(), "/", kDestroyMark); }

Status mark_destroyed(const Container& container) {
  Status made = sys::symlink(container.name(), destroy_mark_of(container));
  if (!made && made.error().code() != EEXIST) return made;
  return sync_directory(container.directory());
}

Status mark_root_gone(const Container& container) {
  const std::string mark = destroy_mark_of(container), fresh = mark + ".new";
  const Status gone = sys::unlink(fresh);
  if (!gone && gone.error().code() != ENOENT) return gone;
  TRY(sys::symlink(strings::cat(container.name(), kRootGone), fresh));
  TRY(sys::rename(fresh, mark));
  return sync_directory(container.directory());
}

Result<bool> root_is_gone(const Container& container) {
  const auto text = sys::read_link(destroy_mark_of(container));
  if (!text && (text.error().code() == ENOENT || text.error().code() == EINVAL)) return false;  // EINVAL: no link
  if (!text) return fail(text.error());
  return text->ends_with(kRootGone);
}

Status unmark_destroyed(const Container& container) {
  Status gone = sys::unlink(destroy_mark_of(container));
  if (!gone && gone.error().code() == ENOENT) return {};
  return gone;
}

Status check_not_destroyed(const Container& container) {
  if (!sys::stat_link(destroy_mark_of(container))) return {};
  return fail(
      Error::message("the container's destruction was begun and not ended: files of it may be missing", EINVAL)
          .because(destroy_mark_of(container) + " is there")
          .hint(strings::cat("end it: lxc-destroy -P ", strings::shell_quote(container.lxcpath()), " -n ", container.name())));
}

}  // namespace berth::runtime
