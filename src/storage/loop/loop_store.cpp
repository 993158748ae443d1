// Runs in: host commands.
#include "storage/loop/loop_store.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "os/loop.hpp"
#include "os/mount_holder.hpp"
#include "storage/block/make.hpp"
#include "storage/block/new_file.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/resize.hpp"
#include "storage/block/size_text.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage {
namespace {

using block::NewFile;

constexpr std::uint64_t kUnit = 4096;        // bytes; the file's length is a multiple of it
constexpr std::uint64_t kSectorBytes = 512;  // of st_blocks

std::uint64_t whole_units(std::uint64_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

Status set_length(const std::string& path, std::uint64_t bytes) {
  const Fd file = TRY(sys::open(path, O_WRONLY));
  const long outcome = sys::raw::call(SYS_ftruncate, file.get(), static_cast<long>(bytes));
  if (outcome == -EFBIG)
    return fail(
        Error::from_errno(EFBIG, "ftruncate", path)
            .because(strings::cat("its file system, or a limit of this process, allows no file of ", block::size_text(bytes)))
            .hint("choose a smaller size"));
  if (outcome < 0) return fail(Error::from_errno(static_cast<int>(-outcome), "ftruncate", path));
  return {};
}

// A file system whose blocks can't be written says EIO, or EROFS once it has locked itself.
Error with_room_hint(Error error) {
  constexpr auto kCodes = std::to_array({ENOSPC, EDQUOT, EIO, EROFS});
  if (std::ranges::find(kCodes, error.code()) == kCodes.end()) return error;
  return error.hint().empty() ? std::move(error).hint("is there room for it on the host's disk (df)?") : std::move(error);
}

Status make_image(const NewFile& image, const Specs& specs) {
  TRY(block::check_type(specs.fstype));
  TRY(set_length(image.path(), whole_units(specs.size == 0 ? block::kDefaultSize : specs.size)));
  auto made = block::make_file_system(specs.fstype, image.path());
  if (!made) return fail(with_room_hint(std::move(made.error())));
  return {};
}

std::string hint_for_mounted(const std::string& device) {
  const auto holder = os::find_mount_holder(device);
  if (!holder) return strings::cat("stop the container, or find the mount: findmnt ", device);
  return strings::cat("stop the container, or end the process ", holder->pid, " (", holder->program, "), which has it mounted");
}

Status refuse_in_use(const std::string& path) {
  const auto info = sys::stat(path);
  if (!info || !S_ISREG(info->st_mode)) return {};
  const auto device = TRY(os::find_loop_device(*info));
  if (!device || !TRY(block::is_in_use(device->path))) return {};
  return fail(Error::from_errno(EBUSY, "remove", path)
                  .because(strings::cat("it is mounted: ", device->path, " shows it"))
                  .hint(hint_for_mounted(device->path)));
}

class LoopStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{.name = "loop",
                                    .can_snapshot = true,
                                    .can_backup = true,
                                    .can_resize = true,
                                    .needs_root = true,
                                    .is_block = true,
                                    .in_directory = true,
                                    .goes_at_once = true};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override {
    const auto info = sys::stat(path);
    if (!info || !S_ISREG(info->st_mode)) return false;
    const auto start = block::read_start(path);
    return start && block::image_format_of(*start).empty();
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    TRY(block::check_type(specs.fstype));
    if (!sys::exists("/dev/loop-control"))
      return fail(
          Error::from_errno(ENODEV, "open", "/dev/loop-control").hint("modprobe loop; in a container the host must give it"));
    return specs.directory.empty() ? owner.directory + "/rootdev" : specs.directory;
  }

  Status create(const std::string& path, const Specs& specs) const override {
    NewFile image = TRY(NewFile::begin(path));
    TRY(make_image(image, specs));
    return image.finish();
  }

  Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs,
              Progress& progress) const override {
    NewFile image = TRY(NewFile::begin(path));
    const Original original = TRY(open_original(from, source, specs));
    TRY(make_image(image, original.specs));
    auto filled = fill(image.path(), original, progress);
    if (!filled) return fail(with_room_hint(std::move(filled.error())));
    return image.finish();
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path,
                  const Specs& specs) const override {
    if (!snapshots_of(from)) return BackingStore::snapshot(from, source, path, specs);
    NewFile image = TRY(NewFile::begin(path));
    TRY(share_blocks(source, image));
    const std::string type = TRY(block::find_file_system(image.path()));
    // Before anything looks at it as at a device: Btrfs takes two devices with one UUID for one file system.
    if (type == "btrfs") TRY(block::renew_identity(type, image.path()));
    if (type != "btrfs") TRY(block::renew_identity(type, TRY(os::attach_loop_device(image.path(), true)).path));
    if (specs.size != 0 && specs.size != TRY(block::size_of(image.path()))) TRY(resize(image.path(), specs.size));
    return image.finish();
  }

  Status destroy(const std::string& path) const override {
    TRY(refuse_in_use(path));
    return NewFile::remove(path);
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access access) const override {
    os::LoopDevice device = TRY(os::attach_loop_device(path, access == Access::kWrite));
    Attachment attachment;
    attachment.mount.fstype = TRY(block::find_file_system(device.path));
    attachment.mount.device = device.path;
    attachment.hold = std::move(device.path);
    attachment.device = std::move(device.fd);
    return attachment;
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    Usage usage = TRY(block::usage(TRY(attach(path, Access::kRead))));
    usage.exclusive = static_cast<std::uint64_t>(TRY(sys::stat(path)).st_blocks) * kSectorBytes;
    return usage;
  }

  Status resize(const std::string& path, std::uint64_t bytes) const override {
    const os::LoopDevice device = TRY(os::attach_loop_device(path, true));
    const auto set_size = [&](std::uint64_t size) -> Status {
      TRY(set_length(path, size));
      return os::refresh_loop_size(device);
    };
    auto resized = block::resize({.path = device.path,
                                  .type = TRY(block::find_file_system(device.path)),
                                  .size = TRY(block::size_of(path)),
                                  .in_use = TRY(block::is_in_use(device.path)),
                                  .set_size = set_size},
                                 whole_units(bytes));
    if (!resized) return fail(std::move(resized.error()).context(strings::cat("cannot change the size of ", path)));
    return {};
  }

 private:
  [[nodiscard]] Status share_blocks(const std::string& source, const NewFile& image) const {
    const Fd original = TRY(sys::open(source, O_RDONLY));
    const long outcome = sys::raw::call(SYS_ioctl, image.file().get(), FICLONE, original.get());
    if (outcome == 0) return {};
    const int code = static_cast<int>(-outcome);
    if (code == EOPNOTSUPP || code == EXDEV || code == ENOTTY || code == EINVAL || code == ENOSYS)
      return fail(refusal("share data between containers")
                      .because(strings::cat("the file system below ", source, " can't (Btrfs and XFS can)"))
                      .hint("make a full copy"));
    return fail(Error::from_errno(code, "ioctl(FICLONE)", image.path()));
  }
};

}  // namespace

const BackingStore& loop_store() {
  static const LoopStore store;
  return store;
}

}  // namespace berth::storage
