// Runs in: host commands that copy a container.
#include "storage/tree/attributes.hpp"

#include <fcntl.h>

#include <cstring>
#include <vector>

#include "base/strings.hpp"
#include "sys/raw.hpp"

namespace berth::storage {
namespace {

using sys::raw::call;

constexpr mode_t kPermissions = 07777;
constexpr std::size_t kFirstList = 1024;
constexpr std::size_t kLargestAttribute = 65536;  // XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel

Status check(long outcome, std::string_view operation, std::string_view path) {
  if (outcome >= 0) return {};
  return fail(Error::from_errno(static_cast<int>(-outcome), operation, path));
}

// One file by its descriptor, or by a path that leads through one; what differs is the system call.
struct DescriptorFile {
  int fd;
  long list(char* names, std::size_t size) const { return call(SYS_flistxattr, fd, names, size); }
  long get(const char* name, char* value, std::size_t size) const { return call(SYS_fgetxattr, fd, name, value, size); }
  long set(const char* name, const char* value, std::size_t size) const { return call(SYS_fsetxattr, fd, name, value, size, 0); }
};
struct NamedFile {
  std::string path;
  NamedFile(int directory, const std::string& name) : path(strings::cat("/proc/self/fd/", directory, "/", name)) {}
  long list(char* names, std::size_t size) const { return call(SYS_llistxattr, path.c_str(), names, size); }
  long get(const char* name, char* value, std::size_t size) const { return call(SYS_lgetxattr, path.c_str(), name, value, size); }
  long set(const char* name, const char* value, std::size_t size) const {
    return call(SYS_lsetxattr, path.c_str(), name, value, size, 0);
  }
};

// Names, each ended by NUL. A file system without such attributes has none.
template <typename File>
Result<std::vector<char>> list_attributes(const File& file, std::string_view path) {
  std::vector<char> names;
  char first[kFirstList];
  long length = file.list(&first[0], sizeof first);
  if (length == -EOPNOTSUPP || length == -ENOSYS) return names;
  if (length == -ERANGE) {
    names.resize(kLargestAttribute);
    length = file.list(names.data(), names.size());
  } else if (length > 0) {
    names.assign(&first[0], &first[length]);
  }
  TRY(check(length, "listxattr", path));
  names.resize(static_cast<std::size_t>(length));
  return names;
}

template <typename File>
Status copy_attribute(const File& from, const File& to, const char* name, std::string_view path) {
  std::vector<char> value(kLargestAttribute);
  const long length = from.get(name, value.data(), value.size());
  if (length == -ENODATA) return {};  // removed meanwhile
  const std::string object = strings::cat(path, " ", name);
  TRY(check(length, "getxattr", object));
  const long outcome = to.set(name, value.data(), static_cast<std::size_t>(length));
  if (outcome >= 0) return {};
  Error error = Error::from_errno(static_cast<int>(-outcome), "setxattr", object);
  if (outcome == -EOPNOTSUPP)
    error = std::move(error)
                .because("the file system of the copy does not keep this attribute")
                .hint("copy to one that does (ext4, xfs and btrfs do)");
  return fail(std::move(error));
}

template <typename File>
Status copy_extended(const File& from, const File& to, std::string_view path) {
  const std::vector<char> names = TRY(list_attributes(from, path));
  for (std::size_t at = 0; at < names.size(); at += std::strlen(names.data() + at) + 1)
    TRY(copy_attribute(from, to, names.data() + at, path));
  return {};
}

}  // namespace

Status copy_attributes(int from, int to, const struct ::stat& info, std::string_view path) {
  TRY(check(call(SYS_fchown, to, info.st_uid, info.st_gid), "chown", path));
  TRY(copy_extended(DescriptorFile{from}, DescriptorFile{to}, path));
  TRY(check(call(SYS_fchmod, to, info.st_mode & kPermissions), "chmod", path));
  const struct ::timespec times[2] = {info.st_atim, info.st_mtim};
  return check(call(SYS_utimensat, to, nullptr, &times[0], 0), "utimensat", path);
}

Status copy_attributes_of_entry(int from_directory, int to_directory, const std::string& name, const struct ::stat& info,
                                std::string_view path) {
  const char* entry = name.c_str();
  TRY(check(call(SYS_fchownat, to_directory, entry, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW), "chown", path));
  TRY(copy_extended(NamedFile(from_directory, name), NamedFile(to_directory, name), path));
  if (!S_ISLNK(info.st_mode)) TRY(check(call(SYS_fchmodat, to_directory, entry, info.st_mode & kPermissions), "chmod", path));
  const struct ::timespec times[2] = {info.st_atim, info.st_mtim};
  return check(call(SYS_utimensat, to_directory, entry, &times[0], AT_SYMLINK_NOFOLLOW), "utimensat", path);
}

Status forget_inherited(int directory, std::string_view path) {
  for (const char* name : {"system.posix_acl_default", "system.posix_acl_access"}) {
    const long outcome = call(SYS_fremovexattr, directory, name);
    if (outcome != -ENODATA && outcome != -EOPNOTSUPP) TRY(check(outcome, "removexattr", path));
  }
  return check(call(SYS_fchmod, directory, 0700), "chmod", path);
}

}  // namespace berth::storage
