// Runs in: host commands.
#include "storage/overlay/upper_layer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "storage/tree/attributes.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage::overlay {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr unsigned long kFatMagic = 0x4d44, kExfatMagic = 0x2011bab0;

struct Unfit {
  unsigned long magic;
  std::string_view name;
};
constexpr auto kUnfit = std::to_array<Unfit>({{OVERLAYFS_SUPER_MAGIC, "an overlay"},
                                              {NFS_SUPER_MAGIC, "NFS"},
                                              {kFatMagic, "FAT"},
                                              {kExfatMagic, "exFAT"},
                                              {ISOFS_SUPER_MAGIC, "ISO 9660"},
                                              {SQUASHFS_MAGIC, "squashfs"}});

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Error unfit(std::string_view path, std::string_view why, int code) {
  return Error::message(strings::cat("cannot keep the upper layer of an overlay at ", path), code)
      .because(why)
      .hint("choose an lxcpath on ext4, xfs, btrfs or tmpfs, or make a full copy in a directory (--bdev dir)");
}

// Marks of the kernel's that a directory has when it was an upper layer itself.
void forget_marks(int directory) {
  for (const char* name : {"trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.origin", "user.overlay.opaque",
                           "user.overlay.redirect", "user.overlay.origin"})
    static_cast<void>(sys::raw::call(SYS_fremovexattr, directory, name));
}

Status look_like(const std::string& upper, const std::string& lower) {
  const Fd from = TRY(sys::open(lower, kDirectory & ~O_NOFOLLOW));
  const Fd to = TRY(sys::open(upper, kDirectory));
  TRY(forget_inherited(to.get(), upper));
  const IdShift none;
  TRY(Attributes(none).copy(from.get(), to.get(), TRY(sys::stat_fd(from.get())), {}, lower));
  forget_marks(to.get());
  return {};
}

Status check_types(const std::string& upper) {
  for (const auto& entry : TRY(sys::list_directory(directory_of(upper))))
    if (entry.type == DT_UNKNOWN)
      return fail(unfit(upper, "its file system does not tell the types of directory entries", EOPNOTSUPP));
  return {};
}

// Where it has none the kernel mounts nevertheless, and fails later.
Status check_attributes(const std::string& upper) {
  const char* name = needs_user_attributes() ? "user.overlay.berth" : "trusted.overlay.berth";
  const long set = sys::raw::call(SYS_setxattr, upper.c_str(), name, "y", 1, 0);
  if (set < 0)
    return fail(unfit(upper,
                      strings::cat("its file system does not take the extended attribute ", name, " (",
                                   errno_name(static_cast<int>(-set)), ")"),
                      static_cast<int>(-set)));
  static_cast<void>(sys::raw::call(SYS_removexattr, upper.c_str(), name));
  return {};
}

Status check_mount(const Layers& layers) {
  Attachment attachment;
  attachment.mount.fstype = "overlay";
  attachment.mount.options = TRY(mount_options(layers, Access::kWrite));
  auto view = View::open(std::move(attachment), Access::kWrite);
  if (view) return view->close();
  // Users mount in a user namespace of their own, later.
  if (view.error().code() == EPERM && needs_user_attributes()) return {};
  if (view.error().code() == ENODEV)
    return fail(unfit(layers.upper, "this kernel has no overlay: modprobe overlay, or another kernel", ENODEV));
  return fail(unfit(layers.upper, view.error().cause(), view.error().code()));
}

Status try_out(const Layers& layers) {
  TRY(check_work(layers));
  TRY(sys::ensure_directory(layers.work, kDirectoryMode));
  TRY(check_types(layers.upper));
  TRY(check_attributes(layers.upper));
  return check_mount(layers);
}

}  // namespace

Status check_file_system(const std::string& path) {
  std::string nearest = path;
  while (!nearest.empty() && !sys::exists(nearest)) nearest = directory_of(nearest);
  if (nearest.empty()) nearest = "/";
  const auto type = static_cast<unsigned long>(TRY(sys::stat_filesystem(nearest)).f_type);
  const auto* found = std::ranges::find(kUnfit, type, &Unfit::magic);
  if (found == kUnfit.end()) return {};
  return fail(unfit(path, strings::cat(nearest, " is on ", found->name), EOPNOTSUPP));
}

Status make_upper(const Layers& layers) {
  TRY(sys::ensure_directory(directory_of(layers.upper), kDirectoryMode));
  TRY(sys::make_directory(layers.upper, kDirectoryMode));
  TRY(look_like(layers.upper, layers.lowers.front()));
  return try_out(layers);
}

Status copy_upper(const Layers& layers, const std::string& original, Progress& progress) {
  TRY(sys::ensure_directory(directory_of(layers.upper), kDirectoryMode));
  TRY(copy_tree(original, layers.upper, progress));
  return try_out(layers);
}

Status remove_upper(const Layers& layers) {
  const bool own_work = TRY(is_own_work(layers));
  TRY(remove_tree(layers.upper));
  if (own_work) TRY(remove_tree(layers.work));
  if (layers.owner().empty()) return {};
  const auto removed = sys::remove_directory(directory_of(layers.upper));
  if (removed || removed.error().code() == ENOENT || removed.error().code() == ENOTEMPTY) return {};
  return removed;
}

}  // namespace berth::storage::overlay
