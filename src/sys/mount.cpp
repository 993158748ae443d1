// Runs in: every process on the host's side.
#include "sys/mount.hpp"

#include <fcntl.h>

#include "base/strings.hpp"
#include "sys/outcome.hpp"

namespace berth::sys {

using detail::owned;
using detail::retry;
using detail::status;

namespace {

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

// The kernel explains a refused file system parameter on the configuration descriptor itself (fsopen(2)): "e type: reason".
std::string filesystem_complaint(int fs_fd) {
  char buffer[512];
  std::string text;
  for (int i = 0; i < 8; ++i) {
    const long count = retry(SYS_read, fs_fd, buffer, sizeof buffer);
    if (count <= 0) break;
    std::string_view line(buffer, static_cast<std::size_t>(count));
    if (line.size() > 2 && line[1] == ' ') line.remove_prefix(2);
    if (!text.empty()) text += "; ";
    text += strings::trim(line);
  }
  return text;
}

std::unexpected<Error> explained(long result, std::string_view operation, std::string_view object, int fs_fd) {
  Error error = Error::from_errno(static_cast<int>(-result), operation, object);
  if (const std::string why = filesystem_complaint(fs_fd); !why.empty()) error = std::move(error).because(why);
  return fail(std::move(error));
}

}  // namespace

Status mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
             const std::string& data) {
  const long result = raw::call(SYS_mount, or_null(source), target.c_str(), or_null(type), flags, or_null(data));
  if (result == 0) return {};
  return detail::refusal(result, "mount", source.empty() ? target : strings::cat(source, " on ", target));
}

Status unmount(const std::string& target, int flags) {
  return status(raw::call(SYS_umount2, target.c_str(), flags), "umount", target);
}

Result<Fd> open_tree(int dir, const std::string& path, unsigned flags) {
  constexpr unsigned kCloseOnExec = O_CLOEXEC;  // OPEN_TREE_CLOEXEC
  return owned(retry(SYS_open_tree, dir, path.c_str(), flags | kCloseOnExec), "open_tree", path);
}

Status move_mount(int from, int to_dir, const std::string& to_path, unsigned flags) {
  return status(raw::call(SYS_move_mount, from, "", to_dir, to_path.c_str(), flags | MOVE_MOUNT_F_EMPTY_PATH), "move_mount",
                to_path);
}

Status set_mount_attributes(int mount_fd, bool recursive, std::uint64_t set, std::uint64_t clear, std::uint64_t propagation,
                            int userns_fd) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  if (userns_fd >= 0) attributes.userns_fd = static_cast<std::uint64_t>(userns_fd);
  const int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return status(raw::call(SYS_mount_setattr, mount_fd, "", flags, &attributes, sizeof attributes), "mount_setattr",
                (set & MOUNT_ATTR_IDMAP) != 0 ? "idmap" : "");
}

Result<Fd> open_filesystem(const std::string& type) {
  return owned(raw::call(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC), "fsopen", type);
}

Status configure_filesystem(int fs_fd, unsigned command, const std::string& key, const std::string& value) {
  const bool takes_key = command <= FSCONFIG_SET_FD;
  const bool takes_value = takes_key && command != FSCONFIG_SET_FLAG;
  const long result =
      raw::call(SYS_fsconfig, fs_fd, command, takes_key ? key.c_str() : nullptr, takes_value ? value.c_str() : nullptr, 0);
  if (result == 0) return {};
  return explained(result, "fsconfig", takes_value ? strings::cat(key, '=', value) : key, fs_fd);
}

Result<Fd> mount_filesystem(int fs_fd, unsigned attributes) {
  const long result = raw::call(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, attributes);
  if (result < 0) return explained(result, "fsmount", {}, fs_fd);
  return Fd(static_cast<int>(result));
}

}  // namespace berth::sys
