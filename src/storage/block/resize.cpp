// Runs in: host commands.
#include "storage/block/resize.hpp"

#include <fcntl.h>
#include <linux/btrfs.h>

#include <cstring>

#include "base/strings.hpp"
#include "storage/block/make.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/size_text.hpp"
#include "storage/block/tool.hpp"
#include "sys/file.hpp"

namespace berth::storage::block {
namespace {

// --- requests of file systems whose headers are not the kernel's user interface, but stable for as long as it ------------------

constexpr unsigned long kExt4Resize = _IOW('f', 16, std::uint64_t);  // EXT4_IOC_RESIZE_FS: blocks

struct XfsGeometry {  // struct xfs_fsop_geom_v1
  std::uint32_t block_size, extent_size, group_blocks, groups, log_blocks, sector_size, inode_size, inode_percent;
  std::uint64_t data_blocks, realtime_blocks, realtime_extents, log_start;
  unsigned char uuid[16];
  std::uint32_t stripe_unit, stripe_width;
  std::int32_t version;
  std::uint32_t flags, log_sector_size, realtime_sector_size, directory_block_size;
};
struct XfsGrow {  // struct xfs_growfs_data
  std::uint64_t blocks;
  std::uint32_t inode_percent;
};
constexpr unsigned long kXfsGeometry = _IOR('X', 100, XfsGeometry);
constexpr unsigned long kXfsGrow = _IOW('X', 110, XfsGrow);

constexpr std::uint64_t kLeastBtrfs = std::uint64_t{256} << 20;  // the kernel's btrfs takes no smaller size for a device

// ------------------------------------------------------------------------------------------------------------------------------

struct Space {
  std::uint64_t block = 0, total = 0, used = 0;  // bytes
};

Result<Space> space_of(const View& view) {
  const auto info = TRY(sys::stat_filesystem(view.directory()));
  const auto block = static_cast<std::uint64_t>(info.f_bsize);
  return Space{block, info.f_blocks * block, (info.f_blocks - info.f_bfree) * block};
}

Result<View> view_of(const ResizableDevice& device, Access access) {
  Attachment attachment;
  attachment.mount.fstype = device.type;
  attachment.mount.device = device.path;
  return View::open(std::move(attachment), access);
}

Status grow_ext4(int root, std::uint64_t bytes, std::uint64_t block) {
  std::uint64_t blocks = bytes / block;
  TRY(sys::control(root, kExt4Resize, &blocks, "EXT4_IOC_RESIZE_FS"));
  return {};
}

Status grow_xfs(int root, std::uint64_t bytes) {
  XfsGeometry geometry{};
  TRY(sys::control(root, kXfsGeometry, &geometry, "XFS_IOC_FSGEOMETRY_V1"));
  XfsGrow grow{bytes / geometry.block_size, geometry.inode_percent};
  if (grow.blocks <= geometry.data_blocks) return {};
  TRY(sys::control(root, kXfsGrow, &grow, "XFS_IOC_FSGROWFSDATA"));
  return {};
}

Status resize_btrfs(int root, const std::string& size) {
  btrfs_ioctl_vol_args arguments{};
  std::memcpy(&arguments.name[0], size.data(), std::min(size.size(), sizeof arguments.name - 1));
  TRY(sys::control(root, BTRFS_IOC_RESIZE, &arguments, "BTRFS_IOC_RESIZE"));
  return {};
}

Error cannot_resize(std::string_view type, const std::string& path, std::string_view how) {
  return Error::message(strings::cat("a file system of type ", type, " can't be made ", how), EOPNOTSUPP).because(path);
}

bool can_grow(std::string_view type) { return type == "ext4" || type == "xfs" || type == "btrfs"; }

// All of them grow while they are mounted, and it is safe to be killed in it. Of a running container it is the same file system
// that is mounted once more here.
Status grow_mounted(const ResizableDevice& device, std::uint64_t bytes) {
  View view = TRY(view_of(device, Access::kWrite));
  const Space space = TRY(space_of(view));
  const Fd root = TRY(sys::open(view.directory(), O_RDONLY | O_DIRECTORY));
  if (device.type == "ext4") TRY(grow_ext4(root.get(), bytes, space.block));
  if (device.type == "xfs") TRY(grow_xfs(root.get(), bytes));
  if (device.type == "btrfs") TRY(resize_btrfs(root.get(), "max"));
  return {};
}

// `begun` is set when the file system may be longer than before although this fails.
Status grow_file_system(const ResizableDevice& device, std::uint64_t bytes, bool& begun) {
  Status grown = grow_mounted(device, bytes);
  if (grown || grown.error().code() != EPERM || device.type != "ext4") return grown;
  if (device.in_use)
    return fail(std::move(grown.error())
                    .because("a mounted ext4 grows for processes with CAP_SYS_RESOURCE only")
                    .hint("stop the container first"));
  TRY(check_ext4(device.path, true));
  begun = true;
  TRY(run_checked({.program = "resize2fs", .arguments = {device.path}, .package = "e2fsprogs", .timeout = kLong}));
  return {};
}

Result<std::uint64_t> total_of(const ResizableDevice& device) {
  const View view = TRY(view_of(device, device.in_use ? Access::kWrite : Access::kRead));
  return TRY(space_of(view)).total;
}

// How much of the device a btrfs takes for itself; statfs(2) leaves out what is reserved.
Result<std::uint64_t> length_of_btrfs(int root) {
  btrfs_ioctl_fs_info_args about{};
  TRY(sys::control(root, BTRFS_IOC_FS_INFO, &about, "BTRFS_IOC_FS_INFO"));
  std::uint64_t length = 0;
  for (std::uint64_t id = 1; id <= about.max_id; ++id) {
    btrfs_ioctl_dev_info_args device{};
    device.devid = id;
    const auto told = sys::control(root, BTRFS_IOC_DEV_INFO, &device, "BTRFS_IOC_DEV_INFO");
    if (!told && told.error().code() != ENODEV) return fail(told.error());
    if (told) length += device.total_bytes;
  }
  return length;
}

// Who is root in a container can make its file system larger at any time; the end of one that is longer than its device is lost.
Status check_still_small(const ResizableDevice& device, std::uint64_t bytes) {
  View view = TRY(view_of(device, device.in_use ? Access::kWrite : Access::kRead));
  std::uint64_t length = TRY(space_of(view)).total;
  if (device.type == "btrfs") {
    const Fd root = TRY(sys::open(view.directory(), O_RDONLY | O_DIRECTORY));
    length = TRY(length_of_btrfs(root.get()));
  }
  TRY(view.close());
  if (length <= bytes) return {};
  return fail(Error::message(strings::cat("the file system on ", device.path, " has grown again meanwhile"), EBUSY)
                  .because(strings::cat("it is ", size_text(length), " long; the device keeps its size"))
                  .hint("find out who makes it larger, then resize again"));
}

// The device grows before its file system can. When that can't, the device is cut back, as long as the file system has certainly
// not begun to use what is behind its old end: all types count what they have grown by at once (statfs(2)).
Status grow(const ResizableDevice& device, std::uint64_t bytes) {
  const auto before = total_of(device);
  TRY(device.set_size(bytes));
  bool begun = false;
  Status grown = grow_file_system(device, bytes, begun);
  if (grown) return grown;
  const auto after = total_of(device);
  if (!begun && before && after && *before == *after && device.set_size(device.size)) return grown;
  if (!grown.error().hint().empty()) return grown;
  return fail(std::move(grown.error())
                  .hint(strings::cat("the device is ", size_text(bytes), " long now, its file system is not: resize again")));
}

Status refuse_below(std::uint64_t least, std::uint64_t bytes, const ResizableDevice& device) {
  if (bytes >= least) return {};
  return fail(
      Error::message(strings::cat("cannot make the file system on ", device.path, " as small as ", size_text(bytes)), ENOSPC)
          .because(strings::cat("what is in it needs ", size_text(least)))
          .hint("remove files, or choose a larger size"));
}

Status shrink_ext4(const ResizableDevice& device, std::uint64_t bytes, std::uint64_t block) {
  TRY(check_ext4(device.path, true));
  const std::string answer =
      TRY(run_checked({.program = "resize2fs", .arguments = {"-P", device.path}, .package = "e2fsprogs", .timeout = kLong}));
  const auto words = strings::split_words(answer);
  const auto blocks = words.empty() ? std::nullopt : strings::parse_number<std::uint64_t>(words.back());
  if (!blocks) return fail(Error::message("resize2fs -P gives no size").output(answer));
  TRY(refuse_below(*blocks * block, bytes, device));
  const std::string size = strings::cat(bytes / 1024, "K");
  TRY(run_checked({.program = "resize2fs", .arguments = {device.path, size}, .package = "e2fsprogs", .timeout = kLong}));
  return {};
}

Status shrink_file_system(const ResizableDevice& device, std::uint64_t bytes) {
  if (device.type == "ext4" && device.in_use)
    return fail(Error::message("an ext4 file system can't be made smaller while it is in use", EBUSY)
                    .because(device.path)
                    .hint("stop the container first"));
  Space space;
  {
    View view = TRY(view_of(device, Access::kRead));
    space = TRY(space_of(view));
    TRY(refuse_below(space.used, bytes, device));
    TRY(view.close());
  }
  if (device.type == "ext4") return shrink_ext4(device, bytes, space.block);
  const View view = TRY(view_of(device, Access::kWrite));
  const Fd root = TRY(sys::open(view.directory(), O_RDONLY | O_DIRECTORY));
  return resize_btrfs(root.get(), strings::cat(bytes));
}

}  // namespace

Status check_resize(const std::string& type, const std::string& path, std::uint64_t size, std::uint64_t bytes) {
  if (bytes == 0)
    return fail(Error::message("a file system on a device has a size")
                    .because(path)
                    .hint("give a size, 2G for example: only a quota (btrfs, zfs) can be lifted with 'none'"));
  if (!can_grow(type)) return fail(cannot_resize(type, path, "larger or smaller"));
  if (type == "btrfs" && bytes < kLeastBtrfs && bytes != size)
    return fail(Error::message(strings::cat("cannot give a file system of type btrfs the size ", size_text(bytes)), EINVAL)
                    .because(strings::cat(path, ": the kernel refuses sizes below ", size_text(kLeastBtrfs)))
                    .hint(strings::cat("choose ", size_text(kLeastBtrfs), " at least")));
  if (bytes >= size || type != "xfs") return {};
  return fail(cannot_resize(type, path, "smaller").hint("copy the container into a smaller one (--fssize)"));
}

Status resize(const ResizableDevice& device, std::uint64_t bytes) {
  TRY(check_resize(device.type, device.path, device.size, bytes));
  if (bytes < device.size) {
    TRY(shrink_file_system(device, bytes));
    TRY(check_still_small(device, bytes));
    return device.set_size(bytes);
  }
  if (bytes > device.size) return grow(device, bytes);
  bool begun = false;
  return grow_file_system(device, bytes, begun);  // completes what was interrupted
}

Result<Usage> usage(Attachment attachment) {
  const std::uint64_t size = TRY(size_of(attachment.mount.device));
  View view = TRY(View::open(std::move(attachment), Access::kRead));
  const Space space = TRY(space_of(view));
  TRY(view.close());
  return Usage{.used = space.used, .limit = size};
}

}  // namespace berth::storage::block
