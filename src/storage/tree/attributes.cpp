// Runs in: host commands that copy a container.
#include "storage/tree/attributes.hpp"

#include <fcntl.h>

#include <array>
#include <cstring>

#include "base/strings.hpp"
#include "storage/tree/inode_flags.hpp"
#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

constexpr mode_t kPermissions = 07777;
constexpr std::size_t kUsual = 512;
constexpr std::size_t kLargest = 65536;  // XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel

// One file by its descriptor, or by a path that leads through one; what differs is the system call.
struct DescriptorFile {
  int fd;
  long list(char* names, std::size_t size) const { return retried(SYS_flistxattr, fd, names, size); }
  long get(const char* name, char* value, std::size_t size) const { return retried(SYS_fgetxattr, fd, name, value, size); }
  long set(const char* name, const std::string& value) const {
    return retried(SYS_fsetxattr, fd, name, value.data(), value.size(), 0);
  }
};
struct NamedFile {
  std::string path;
  NamedFile(int directory, const std::string& name) : path(strings::cat("/proc/self/fd/", directory, "/", name)) {}
  long list(char* names, std::size_t size) const { return retried(SYS_llistxattr, path.c_str(), names, size); }
  long get(const char* name, char* value, std::size_t size) const {
    return retried(SYS_lgetxattr, path.c_str(), name, value, size);
  }
  long set(const char* name, const std::string& value) const {
    return retried(SYS_lsetxattr, path.c_str(), name, value.data(), value.size(), 0);
  }
};

// What `ask(buffer, size)` fills in, by a small buffer first. Its outcome, or -errno.
template <typename Ask>
long fill(std::string& text, Ask ask) {
  std::array<char, kUsual> first;  // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel writes it
  long length = ask(first.data(), first.size());
  if (length >= 0) {
    text.assign(first.data(), static_cast<std::size_t>(length));
  } else if (length == -ERANGE) {
    text.resize(kLargest);
    length = ask(text.data(), text.size());
    text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  }
  return length;
}

// The same list as system.posix_acl_*, seen from another side, and with the owners of the source.
bool is_shown_twice(std::string_view name) { return name.starts_with("trusted.SGI_ACL_"); }
// Says how the file is stored, which another file system does in its own way.
bool is_of_the_store(std::string_view name) { return name.starts_with("btrfs."); }

}  // namespace

template <typename File>
Status Attributes::copy_one(const File& from, const File& to, const char* name, std::string_view path) const {
  std::string value;
  const long length = fill(value, [&](char* buffer, std::size_t size) { return from.get(name, buffer, size); });
  if (length == -ENODATA) return {};  // removed meanwhile
  if (length < 0) return refuse(length, "getxattr", strings::cat(path, " ", name));
  TRY(shift_.attribute(name, value, path));
  const long outcome = to.set(name, value);
  if (outcome >= 0 || is_of_the_store(name)) return {};
  Error error = Error::from_errno(static_cast<int>(-outcome), "setxattr", strings::cat(path, " ", name));
  if (outcome == -EOPNOTSUPP)
    error = std::move(error)
                .because("the file system of the copy does not keep this attribute")
                .hint("copy to one that does (ext4, xfs and btrfs do)");
  return fail(std::move(error));
}

// A file system without such attributes has none.
template <typename File>
Status Attributes::copy_extended(const File& from, const File& to, std::string_view path) const {
  std::string names;  // each ended by NUL
  const long length = fill(names, [&](char* buffer, std::size_t size) { return from.list(buffer, size); });
  if (length == -EOPNOTSUPP || length == -ENOSYS) return {};
  TRY(check(length, "listxattr", path));
  for (std::size_t at = 0; at < names.size(); at += std::strlen(names.data() + at) + 1)
    if (!is_shown_twice(names.data() + at)) TRY(copy_one(from, to, names.data() + at, path));
  return {};
}

Status Attributes::copy(int from, int to, const struct ::stat& info, const Born& born, std::string_view path) const {
  const uid_t user = TRY(shift_.user(info.st_uid, path));
  const gid_t group = TRY(shift_.group(info.st_gid, path));
  if (!born.owner_known || born.user != user || born.group != group)
    TRY(check(retried(SYS_fchown, to, user, group), "chown", path));
  TRY(copy_extended(DescriptorFile{from}, DescriptorFile{to}, path));
  const mode_t mode = info.st_mode & kPermissions;
  if (!born.mode_known || born.mode != mode) TRY(check(retried(SYS_fchmod, to, mode), "chmod", path));
  const struct ::timespec times[2] = {info.st_atim, info.st_mtim};
  return check(retried(SYS_utimensat, to, nullptr, &times[0], 0), "utimensat", path);
}

Status Attributes::copy_entry(int from_directory, int to_directory, const std::string& name, const struct ::stat& info,
                              std::string_view path) const {
  const char* entry = name.c_str();
  const uid_t user = TRY(shift_.user(info.st_uid, path));
  const gid_t group = TRY(shift_.group(info.st_gid, path));
  TRY(check(retried(SYS_fchownat, to_directory, entry, user, group, AT_SYMLINK_NOFOLLOW), "chown", path));
  TRY(copy_extended(NamedFile(from_directory, name), NamedFile(to_directory, name), path));
  if (!S_ISLNK(info.st_mode)) TRY(check(retried(SYS_fchmodat, to_directory, entry, info.st_mode & kPermissions), "chmod", path));
  const struct ::timespec times[2] = {info.st_atim, info.st_mtim};
  return check(retried(SYS_utimensat, to_directory, entry, &times[0], AT_SYMLINK_NOFOLLOW), "utimensat", path);
}

Status forget_inherited(int directory, std::string_view path) {
  for (const char* name : {"system.posix_acl_default", "system.posix_acl_access"}) {
    const long outcome = retried(SYS_fremovexattr, directory, name);
    if (outcome != -ENODATA && outcome != -EOPNOTSUPP) TRY(check(outcome, "removexattr", path));
  }
  constexpr unsigned kInherited = FS_NOATIME_FL | FS_NODUMP_FL;
  static_cast<void>(set_inode_flags(directory, 0, kInherited));  // where there are none, none were inherited
  return check(retried(SYS_fchmod, directory, 0700), "chmod", path);
}

}  // namespace berth::storage
