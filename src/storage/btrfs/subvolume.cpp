// Runs in: host commands.
#include "storage/btrfs/subvolume.hpp"

#include <btrfsutil.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fs.h>
#include <linux/magic.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/strings.hpp"
#include "storage/btrfs/quota.hpp"
#include "storage/tree/mounts_below.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage::btrfs {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
constexpr ino_t kTopInode = 256;  // BTRFS_FIRST_FREE_OBJECTID
constexpr mode_t kRootMode = 0755;
// Subvolumes in subvolumes: a descriptor or two each.
constexpr unsigned kMaxDepth = 64;

Status check(enum btrfs_util_error outcome, std::string_view object) {
  if (outcome == BTRFS_UTIL_OK) return {};
  const int code = errno;
  Error error = Error::from_errno(code, "ioctl", object).because(::btrfs_util_strerror(outcome));
  if (code == EROFS) error = std::move(error).hint("mount the file system writable");
  if (code == EDQUOT || code == ENOSPC) error = std::move(error).hint("make room on the file system, or raise its quota");
  return fail(std::move(error));
}

// Below `directory`, by the names in `path` one by one.
Result<Fd> walk(int directory, std::string_view path) {
  Fd at = TRY(sys::open_at(directory, ".", kDirectory));
  for (const std::string_view name : strings::split_words(path, "/")) {
    if (name == "..") return fail(Error::from_errno(EINVAL, "open", path));
    at = TRY(sys::open_at(at.get(), std::string(name), kDirectory));
  }
  return at;
}

Result<std::string> path_of(int subvolume, std::uint64_t id, std::uint64_t directory, bool elsewhere_too) {
  ::btrfs_ioctl_ino_lookup_user_args lookup{};
  lookup.treeid = id;
  lookup.dirid = directory;
  const auto found = sys::control(subvolume, BTRFS_IOC_INO_LOOKUP_USER, &lookup, strings::cat("BTRFS_IOC_INO_LOOKUP_USER ", id));
  if (!found && found.error().code() == ENOENT) return std::string();                   // deleted meanwhile
  if (!found && elsewhere_too && found.error().code() == EACCES) return std::string();  // not below
  if (!found)
    return fail(Error(found.error()).context("cannot find where a subvolume of the container is").hint("do it as root"));
  return strings::cat(&lookup.path[0], &lookup.name[0]);
}

// statfs(2) tells another number for each subvolume.
Result<::btrfs_ioctl_fs_info_args> filesystem_of(const std::string& path) {
  ::btrfs_ioctl_fs_info_args about{};
  const Fd file = TRY(sys::open(path, O_RDONLY | O_NONBLOCK));
  TRY(sys::control(file.get(), BTRFS_IOC_FS_INFO, &about, "BTRFS_IOC_FS_INFO"));
  return about;
}

// With `elsewhere_too` the list may have those that are not below.
Result<std::vector<Nested>> list_nested(int subvolume, bool elsewhere_too) {
  std::vector<Nested> all;
  ::btrfs_ioctl_get_subvol_rootref_args list{};
  for (bool more = true; more;) {
    const auto got = sys::control(subvolume, BTRFS_IOC_GET_SUBVOL_ROOTREF, &list, "BTRFS_IOC_GET_SUBVOL_ROOTREF");
    more = !got && got.error().code() == EOVERFLOW;  // the list is full, and min_treeid is where the next one begins
    if (!got && !more) return fail(got.error());
    for (unsigned i = 0; i < list.num_items; ++i) {
      std::string path = TRY(path_of(subvolume, list.rootref[i].treeid, list.rootref[i].dirid, elsewhere_too));
      if (!path.empty()) all.push_back({std::move(path), list.rootref[i].treeid});
    }
  }
  return all;
}

Error too_deep() {
  return Error::message(strings::cat("there are more than ", kMaxDepth, " subvolumes in each other"), ELOOP)
      .hint("delete those that are not needed: btrfs subvolume delete");
}

// --- snapshots --------------------------------------------------------------------------------------------------------------
Status snapshot_nested(int source, int copy, const Nested& nested, unsigned depth);

Status snapshot_below(int source, const Place& place, unsigned depth) {
  if (depth > kMaxDepth) return fail(too_deep());
  TRY(snapshot_alone(source, place));
  const auto children = TRY(nested_in(source));
  if (children.empty()) return {};
  const Fd copy = TRY(sys::open_at(place.directory.get(), place.name, kDirectory));
  for (const Nested& child : children) TRY_CONTEXT(snapshot_nested(source, copy.get(), child, depth), child.path);
  return {};
}

// In a snapshot an empty directory stands where a subvolume was.
Status snapshot_nested(int source, int copy, const Nested& nested, unsigned depth) {
  const auto original = open_nested(source, nested);
  if (!original && original.error().code() == ENOENT) return {};
  if (!original) return fail(original.error());
  auto place = place_below(copy, nested.path);
  if (!place && place.error().code() == ENOENT) return {};  // made after the snapshot around it
  if (!place) return fail(place.error());
  const auto removed = sys::unlink_at(place->directory.get(), place->name, AT_REMOVEDIR);
  if (!removed && removed.error().code() != ENOENT) return fail(removed.error());
  TRY(snapshot_below(original->get(), *place, depth + 1));
  if (!is_read_only(original->get())) return {};
  const Fd made = TRY(sys::open_at(place->directory.get(), place->name, kDirectory));
  return set_read_only(made.get(), true);
}

// --- removal ----------------------------------------------------------------------------------------------------------------
class Destroyer {
 public:
  explicit Destroyer(const Place& place) : place_(place) {}

  Status run() {
    TRY(empty_top());
    return remove(place_);
  }

  // Of the subvolumes below; the place is a subvolume or a directory.
  Status empty_top() {
    do {
      moved_ = false;
      const Fd top = TRY(open_top());
      TRY(empty(top.get(), is_subvolume(top.get()) ? TRY(nested_in(top.get())) : TRY(nested_below(top.get())), 0));
    } while (moved_);
    return {};
  }

 private:
  Result<Fd> open_top() { return sys::open_at(place_.directory.get(), place_.name, kDirectory); }

  Status empty(int subvolume, const std::vector<Nested>& children, unsigned depth) {
    unlock(subvolume);
    for (const Nested& child : children) TRY_CONTEXT(take(subvolume, child, depth), child.path);
    return {};
  }

  Status take(int subvolume, const Nested& nested, unsigned depth) {
    const Place place = TRY(place_below(subvolume, nested.path));
    if (depth >= kMaxDepth) return move_up(place);
    {
      const Fd child = TRY(open_nested(subvolume, nested));
      TRY(empty(child.get(), TRY(nested_in(child.get())), depth + 1));
    }
    return remove(place);
  }

  Status move_up(const Place& place) {
    const Fd top = TRY(open_top());
    const std::string around = strings::cat("/proc/self/fd/", place.directory.get(), "/");
    moved_ = true;
    return sys::rename(around + place.name, strings::cat("/proc/self/fd/", top.get(), "/.berth-removing-", counter_++));
  }

  static Status remove(const Place& place) {
    const int directory = place.directory.get();
    const Fd subvolume = TRY(sys::open_at(directory, place.name, kDirectory));
    const std::uint64_t id = identity(subvolume.get()).value_or(0);
    const auto removed = check(::btrfs_util_delete_subvolume_fd(directory, place.name.c_str(), 0), place.name);
    if (removed) {
      forget_quota(directory, id);
      return {};
    }
    if (removed.error().code() != EPERM && removed.error().code() != EACCES) return removed;
    // Without user_subvol_rm_allowed its owner may still empty it (Linux 4.18).
    TRY(remove_contents(strings::cat("/proc/self/fd/", subvolume.get(), "/."), {}));  // a link that is followed
    return sys::unlink_at(directory, place.name, AT_REMOVEDIR);
  }

  // What keeps its entries from being removed; a refusal shows when one is.
  static void unlock(int subvolume) {
    if (is_read_only(subvolume)) static_cast<void>(set_read_only(subvolume, false));
    int flags = 0;
    if (!sys::control(subvolume, FS_IOC_GETFLAGS, &flags, "FS_IOC_GETFLAGS")) return;
    constexpr int kLocks = FS_IMMUTABLE_FL | FS_APPEND_FL;
    if ((flags & kLocks) == 0) return;
    flags &= ~kLocks;
    static_cast<void>(sys::control(subvolume, FS_IOC_SETFLAGS, &flags, "FS_IOC_SETFLAGS"));
  }

  const Place& place_;
  unsigned counter_ = 0;
  bool moved_ = false;
};

}  // namespace

Result<Place> place_of(const std::string& path) {
  const std::string_view trimmed = strings::trim_right(path, "/");
  const auto slash = trimmed.rfind('/');
  if (slash == std::string_view::npos) return fail(Error::message(strings::cat("'", path, "' is no absolute path")));
  const std::string directory(slash == 0 ? "/" : trimmed.substr(0, slash));
  return Place{TRY(sys::open(directory, O_RDONLY | O_DIRECTORY)), std::string(trimmed.substr(slash + 1))};
}

bool is_btrfs(const std::string& path) {
  const auto info = sys::stat_filesystem(path);
  return info && static_cast<unsigned long>(info->f_type) == BTRFS_SUPER_MAGIC;
}

bool on_one_filesystem(const std::string& a, const std::string& b) {
  const auto first = filesystem_of(a);
  const auto second = filesystem_of(b);
  return first && second && std::ranges::equal(first->fsid, second->fsid);
}

bool is_subvolume(int fd) {
  const auto info = sys::stat_fd(fd);
  return info && info->st_ino == kTopInode && is_btrfs(strings::cat("/proc/self/fd/", fd));
}

bool is_subvolume(const std::string& path) {
  const auto info = sys::stat_link(path);
  return info && S_ISDIR(info->st_mode) && info->st_ino == kTopInode && is_btrfs(path);
}

Result<std::uint64_t> identity(int subvolume) {
  std::uint64_t id = 0;
  TRY(check(::btrfs_util_subvolume_id_fd(subvolume, &id), "BTRFS_IOC_INO_LOOKUP"));
  return id;
}

Result<std::vector<Nested>> nested_in(int subvolume) { return list_nested(subvolume, false); }

Result<std::vector<Nested>> nested_below(int directory) { return list_nested(directory, true); }

Result<Fd> open_nested(int subvolume, const Nested& nested) {
  Fd found = TRY(walk(subvolume, nested.path));
  if (is_subvolume(found.get()) && TRY(identity(found.get())) == nested.id) return found;
  return fail(Error::message(strings::cat("the subvolume ", nested.path, " was replaced, or something is mounted there"), ESTALE)
                  .hint("stop the container and unmount what is in its root file system, then try again"));
}

Result<Place> place_below(int subvolume, const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return Place{TRY(walk(subvolume, "")), path};
  return Place{TRY(walk(subvolume, path.substr(0, slash))), path.substr(slash + 1)};
}

Status set_read_only(int subvolume, bool read_only) {
  return check(::btrfs_util_set_subvolume_read_only_fd(subvolume, read_only), "BTRFS_IOC_SUBVOL_SETFLAGS");
}

static std::string uuid_text(std::span<const std::uint8_t> uuid) {
  if (std::ranges::all_of(uuid, [](std::uint8_t byte) { return byte == 0; })) return {};
  std::string text;
  for (const std::uint8_t byte : uuid) {
    text.push_back("0123456789abcdef"[byte >> 4U]);
    text.push_back("0123456789abcdef"[byte & 0xFU]);
  }
  return text;
}

Result<Lineage> lineage(int subvolume) {
  struct ::btrfs_util_subvolume_info info{};
  TRY(check(::btrfs_util_subvolume_info_fd(subvolume, 0, &info), "BTRFS_IOC_GET_SUBVOL_INFO"));
  return Lineage{uuid_text(info.uuid), uuid_text(info.parent_uuid), uuid_text(info.received_uuid)};
}

Result<std::string> sent_uuid(int subvolume) { return TRY(lineage(subvolume)).sent(); }

bool is_read_only(int subvolume) {
  bool read_only = false;
  return ::btrfs_util_get_subvolume_read_only_fd(subvolume, &read_only) == BTRFS_UTIL_OK && read_only;
}

Status create(const std::string& path) {
  const Place place = TRY(place_of(path));
  TRY(check(::btrfs_util_create_subvolume_fd(place.directory.get(), place.name.c_str(), 0, nullptr, nullptr), path));
  return sys::chmod(path, kRootMode);  // whatever the umask says
}

Status snapshot_tree(int source, const Place& place) { return snapshot_below(source, place, 0); }

Status snapshot_alone(int source, const Place& place) {
  return check(::btrfs_util_create_snapshot_fd2(source, place.directory.get(), place.name.c_str(), 0, nullptr, nullptr),
               place.name);
}

// What the kernel deletes never, but whose files and subvolumes can be.
static Status refuse_lasting(const Place& place, const std::string& path) {
  const Fd root = TRY(sys::open_at(place.directory.get(), place.name, kDirectory));
  if (!is_subvolume(root.get())) return {};
  const std::uint64_t id = TRY(identity(root.get()));
  std::uint64_t standard = 0;  // unknown to users: it remains so
  static_cast<void>(::btrfs_util_get_default_subvolume_fd(root.get(), &standard));
  if (id != BTRFS_FS_TREE_OBJECTID && id != standard) return {};
  return fail(Error::from_errno(EBUSY, "remove", path)
                  .because(id == BTRFS_FS_TREE_OBJECTID ? "it is the top of a btrfs file system, with all of its subvolumes"
                                                        : "it is the default subvolume of a btrfs file system")
                  .hint("correct lxc.rootfs.path, or btrfs subvolume set-default"));
}

static bool is_directory_on_btrfs(const std::string& path) {
  const auto info = sys::stat_link(path);
  return info && S_ISDIR(info->st_mode) && is_btrfs(path);
}

Status check_destroy(const std::string& path) {
  TRY(refuse_mounts(path));
  return is_directory_on_btrfs(path) ? refuse_lasting(TRY(place_of(path)), path) : Status{};
}

Status destroy_tree(const std::string& path) {
  TRY(check_destroy(path));
  if (!is_directory_on_btrfs(path)) return remove_tree(path);
  const Place place = TRY(place_of(path));
  if (!is_subvolume(path)) {
    TRY(Destroyer(place).empty_top());
    return remove_tree(path);
  }
  TRY_CONTEXT(Destroyer(place).run(), strings::cat("cannot remove the subvolume ", path));
  return commit(place.directory.get());
}

Status commit(int fd) { return check(::btrfs_util_sync_fd(fd), "BTRFS_IOC_SYNC"); }

}  // namespace berth::storage::btrfs
