// Files and directories. Every function is one system call (or a loop around one for EINTR and short counts), returns a
// Result whose Error names the call and the path, and opens with O_CLOEXEC.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::sys {

inline constexpr mode_t kDefaultFileMode = 0644;

Result<Fd> open(const std::string& path, int flags, mode_t mode = 0);
Result<Fd> open_at(int dir, const std::string& path, int flags, mode_t mode = 0);
// `resolve` = RESOLVE_* of <linux/openat2.h>.
Result<Fd> open_at2(int dir, const std::string& path, int flags, mode_t mode, std::uint64_t resolve);

// One read(2); 0 = end of file. EAGAIN of a non-blocking descriptor is an Error.
Result<std::size_t> read_some(int fd, std::span<char> buffer, std::string_view name);
Result<std::string> read_all(int fd, std::string_view name);
Result<std::string> read_file(const std::string& path);
Result<std::string> read_file_at(int dir, const std::string& path);
// Opens the null device, with O_RDWR or the like, in the place of each of the descriptors 0, 1 and 2 that is closed: nothing that
// is opened later may become somebody's standard output. For the beginning of a program.
void fill_standard_descriptors(int flags);
Status write_all(int fd, std::string_view data, std::string_view name);
// One write(2) of `data` to an existing file, as kernel attribute files want it. The Error shows path and datum.
Status write_attribute(const std::string& path, std::string_view data);
Status write_attribute_at(int dir, const std::string& path, std::string_view data);
// Whether a file is on its device before the function returns, or when the caller syncs its file system.
enum class Durable { kNow, kLater };
// Replaces `path` atomically: writes beside it, syncs, renames.
Status replace_file(const std::string& path, std::string_view data, mode_t mode = kDefaultFileMode,
                    Durable durable = Durable::kNow);
// What a file has beside its text and goes with it: its owner, group and permissions, its access list, and what users attached.
// Labels of security modules are not among it: the policy gives a new file its own.
struct FileKind {
  struct ::stat about = {};
  std::vector<std::pair<std::string, std::string>> attributes;  // names and values, user.* and system.posix_acl_access
};
Result<FileKind> kind_of(int fd, std::string_view name);
Result<FileKind> kind_of(const std::string& path);
// Like replace_file, with the kind of another file. Refused where that can't be given.
Status replace_file_like(const std::string& path, std::string_view data, const FileKind& like);
// A new file of that kind; EEXIST when there is one, or a link.
Status create_file_like(const std::string& path, std::string_view data, const FileKind& like, Durable durable = Durable::kNow);

Status make_directory(const std::string& path, mode_t mode);
Status make_directory_at(int dir, const std::string& path, mode_t mode);
// Like mkdir -p: existing directories are left as they are.
Status ensure_directory(const std::string& path, mode_t mode);
Status remove_directory(const std::string& path);
Status unlink(const std::string& path);
Status unlink_at(int dir, const std::string& path, int flags = 0);
Status rename(const std::string& from, const std::string& to);
// Both must exist: each gets the other's place, in one step.
Status exchange(const std::string& a, const std::string& b);
// A second name for the file; a symbolic link at `from` is followed or gets the second name itself. EEXIST when `to` is there.
Status link(const std::string& from, const std::string& to, bool follow = false);
Status symlink(const std::string& target, const std::string& path);
Status chmod(const std::string& path, mode_t mode);
// Does not follow a symbolic link in the last component.
Status chown(const std::string& path, uid_t uid, gid_t gid);
Result<std::string> read_link(const std::string& path);
Result<struct ::stat> stat(const std::string& path);       // follows links
Result<struct ::stat> stat_link(const std::string& path);  // does not
Result<struct ::stat> stat_fd(int fd);
Result<struct ::statfs> stat_filesystem(const std::string& path);
bool exists(const std::string& path);  // follows links

struct DirectoryEntry {
  std::string name;
  unsigned char type;  // DT_* of <dirent.h>, DT_UNKNOWN where the file system does not tell
};
// Without "." and "..", in the order of the kernel.
Result<std::vector<DirectoryEntry>> list_directory(const std::string& path);
Result<std::vector<DirectoryEntry>> list_directory_fd(int dir, std::string_view name);

Result<Fd> memfd(const std::string& name, unsigned flags);
Status sync_file(int fd, std::string_view name);
Status seal(int fd);  // F_SEAL_SEAL|SHRINK|GROW|WRITE
Result<Fd> duplicate(int fd, int lowest = 3);
Status set_close_on_exec(int fd, bool on);
Status rewind(int fd);
Status truncate(int fd, std::string_view name);  // to nothing
// Everything of the file system that holds `fd` is on its device.
Status sync_filesystem(int fd, std::string_view name);
Status set_nonblocking(int fd);
// ioctl(2). `name` says request and object: "TIOCGWINSZ of the console".
Result<int> control(int fd, unsigned long request, void* argument, std::string_view name);
// Write lock of the whole file, owned by the open file description (F_OFD_SETLK; flock where the file system refuses that).
// Without `wait` a lock that somebody holds is the Error EAGAIN.
Status lock_file(int fd, bool wait, std::string_view name);
// The same for readers, who exclude writers only. Waits.
Status lock_file_shared(int fd, std::string_view name);
// Whoever else has a copy of the descriptor. Closing it would leave the lock to them.
void unlock_file(int fd);

}  // namespace berth::sys
