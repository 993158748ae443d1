// Runs in: host commands.
#include "storage/nbd/nbd_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/strings.hpp"
#include "storage/block/make.hpp"
#include "storage/block/name_lock.hpp"
#include "storage/block/new_file.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/resize.hpp"
#include "storage/block/tool.hpp"
#include "storage/nbd/device.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using block::NewFile;
using nbd::Image;

constexpr std::uint64_t kUnit = 4096;        // bytes; an image's size is a multiple of it
constexpr std::uint64_t kSectorBytes = 512;  // of st_blocks
constexpr auto kCloseTime = std::chrono::seconds(2);
constexpr auto kPause = std::chrono::milliseconds(20);

std::uint64_t whole_units(std::uint64_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

std::string_view format_for(const std::string& path) { return nbd::named_format(path) == "raw" ? "raw" : "qcow2"; }

Error in_use(const std::string& file, const std::string& device) {
  return Error::from_errno(EBUSY, "open", file)
      .because(strings::cat(device, " shows it, and is in use"))
      .hint(strings::cat("stop the container; lsblk ", device, " shows mounts"));
}

Result<bool> is_any_in_use(const std::string& device, unsigned partition) {
  if (TRY(block::is_in_use(device))) return true;
  return partition != 0 && TRY(block::is_in_use(TRY(nbd::partition_of(device, partition))));
}

// What a killed process left connected is disconnected. Error: it is in use.
Status disconnect_unused(const Image& image) {
  const auto device = TRY(nbd::find_device(image.file));
  if (!device) return {};
  if (TRY(is_any_in_use(*device, image.partition))) return fail(in_use(image.file, *device));
  return nbd::disconnect(*device);
}

Status disconnect_leftover(const std::string& file) { return disconnect_unused({file}); }

// Held while a file gets a device or loses it.
Result<Fd> lock(const std::string& file) { return block::wait_for_name(strings::cat("nbd:", file)); }

// What attach() connected, unless the device shows something else by now, or somebody else has the image mounted from it.
Status disconnect_own(const Image& image, const std::string& device) {
  const Fd held = TRY(lock(image.file));
  const auto end = std::chrono::steady_clock::now() + kCloseTime;  // the kernel ends a mount a moment after its last descriptor
  for (;;) {
    if (TRY(nbd::find_device(image.file)) != device) return {};
    if (!TRY(is_any_in_use(device, image.partition))) return nbd::disconnect(device);
    if (std::chrono::steady_clock::now() > end) return {};
    std::this_thread::sleep_for(kPause);
  }
}

Attachment attachment_of(const std::string& device) {
  Attachment attachment;
  attachment.mount.device = device;
  attachment.hold = device;
  return attachment;
}

Status make_image(const NewFile& image, const std::string& path, const Specs& specs) {
  TRY(block::check_type(specs.fstype));
  const std::string format(format_for(path));
  const std::uint64_t size = whole_units(specs.size == 0 ? block::kDefaultSize : specs.size);
  TRY(nbd::run_image_tool({"create", "-q", "-f", format, "--", image.path(), strings::cat(size)}));
  Attachment attachment;
  const std::string device = TRY(nbd::connect(image.path(), format, false));
  attachment.releases.push_back(nbd::disconnection(device, image.path()));
  TRY(block::make_file_system(specs.fstype, device));
  TRY(attachment.release());
  return disconnect_unused({image.path()});  // waits until it is over
}

Error of_partition(std::string_view what, const Image& image) {
  return Error::message(strings::cat("cannot ", what, " one partition of an image"), EOPNOTSUPP)
      .because(strings::cat(image.file, " may hold others that somebody needs"));
}

// Says of an image with the name of a raw one that it is upon a base of another directory. Goes with the image's bases.
std::string mark_of(const std::string& file) { return strings::cat(file, nbd::kSnapshotMark); }

Status mark_snapshot(const std::string& file) {
  return nbd::named_format(file) == "raw" ? sys::replace_file(mark_of(file), "") : Status{};
}

Status unmark(const std::string& file) {
  Status gone = sys::unlink(mark_of(file));
  return !gone && gone.error().code() == ENOENT ? Status{} : gone;
}

Result<std::string> free_base(const std::string& file) {
  for (unsigned number = 0;; ++number) {
    std::string name = strings::cat(file, nbd::kBase, number);
    const auto info = sys::stat_link(name);
    if (!info && info.error().code() == ENOENT) return name;
    if (!info) return fail(info.error());
    const auto own = TRY(sys::stat(file));
    if (info->st_dev == own.st_dev && info->st_ino == own.st_ino) return name;  // a killed process came so far
  }
}

Status build_upon(const std::string& base, const std::string& format, const std::string& file) {
  return nbd::run_image_tool({"create", "-q", "-f", "qcow2", "-b", base, "-F", format, "--", file});
}

// The source's data get a second name, and the source becomes an image upon them, in one step.
Result<std::string> make_base(const std::string& source, const std::string& format) {
  const std::string base = TRY(free_base(source)), fresh = strings::cat(source, nbd::kFreshBase);
  if (!sys::exists(base)) TRY(sys::link(source, base));
  TRY(build_upon(base.substr(base.rfind('/') + 1), format, fresh));  // without a directory: it may be moved
  TRY(sys::chmod(fresh, TRY(sys::stat(source)).st_mode & 07777));
  TRY(sys::rename(fresh, source));
  return base;
}

class NbdStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{.name = "nbd",
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
    const auto info = sys::stat(nbd::parse_path(path).file);
    return info && S_ISREG(info->st_mode);
  }

  [[nodiscard]] Result<bool> exists(const std::string& path) const override {
    return BackingStore::exists(nbd::parse_path(path).file);
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    TRY(block::check_type(specs.fstype));
    for (const char* program : {"qemu-nbd", "qemu-img"})
      if (!block::is_installed(program)) return fail(block::missing_program(program, "qemu-utils"));
    TRY(nbd::check_driver());
    return specs.directory.empty() ? owner.directory + "/rootdev.qcow2" : specs.directory;
  }

  Status create(const std::string& path, const Specs& specs) const override {
    NewFile image = TRY(NewFile::begin(path, disconnect_leftover));
    TRY(unmark(path));
    TRY(make_image(image, path, specs));
    return image.finish();
  }

  Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs,
              Progress& progress) const override {
    NewFile image = TRY(NewFile::begin(path, disconnect_leftover));
    TRY(unmark(path));
    {
      const Original original = TRY(open_original(from, source, specs));
      TRY(make_image(image, path, original.specs));
      TRY(fill(image.path(), original, progress));
    }
    TRY(disconnect_unused({image.path()}));
    return image.finish();
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path,
                  const Specs& specs) const override {
    if (!snapshots_of(from)) return BackingStore::snapshot(from, source, path, specs);
    const Image original = nbd::parse_path(source);
    if (original.partition != 0) return fail(of_partition("share", original).hint("make a full copy"));
    NewFile image = TRY(NewFile::begin(path, disconnect_leftover));
    {
      const Fd held = TRY(lock(original.file));
      TRY(disconnect_unused(original));
      const std::string format = TRY(nbd::format_of(original.file));
      TRY(build_upon(TRY(make_base(original.file, format)), format, image.path()));
    }
    TRY(mark_snapshot(path));
    std::uint64_t size = 0;
    {
      const Attachment attachment = TRY(attach(image.path(), Access::kWrite));
      TRY(block::renew_identity(attachment.mount.fstype, attachment.mount.device));
      size = TRY(block::size_of(attachment.mount.device));
    }
    if (specs.size != 0 && specs.size != size) TRY(resize_image(image.path(), whole_units(specs.size)));
    TRY(disconnect_unused({image.path()}));
    return image.finish();
  }

  [[nodiscard]] bool can_share(const BackingStore& from, const std::string& source, const std::string&) const override {
    return snapshots_of(from) && nbd::parse_path(source).partition == 0;
  }

  [[nodiscard]] Result<bool> snapshot_needs_source(const BackingStore&, const std::string&) const override { return true; }

  Status destroy(const std::string& path) const override {
    const Image image = nbd::parse_path(path);
    if (!sys::exists(image.file) && image.partition != 0) return {};
    if (image.partition != 0)
      return fail(of_partition("destroy", image).hint(strings::cat("remove ", image.file, " by hand, then again")));
    const Fd held = TRY(lock(image.file));
    TRY(disconnect_unused(image));
    TRY(NewFile::remove(image.file, disconnect_leftover));
    for (const std::string& base : TRY(nbd::bases_of(image.file))) TRY(sys::unlink(base));
    return {};
  }

  // Another process's device is shared while that has it mounted: the file system is one. Whoever connected it disconnects it.
  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access access) const override {
    const Image image = nbd::parse_path(path);
    const Fd held = TRY(lock(image.file));
    auto device = TRY(nbd::find_device(image.file));
    const bool shared = device && TRY(is_any_in_use(*device, image.partition));
    if (device && !shared) TRY(nbd::disconnect(*device));
    if (!shared) device = TRY(connect(image.file, access));
    Attachment attachment = attachment_of(*device);
    if (!shared) attachment.releases.push_back(nbd::disconnection(*device, image.file));
    attachment.mount.device = TRY(nbd::partition_of(*device, image.partition));
    attachment.hold = attachment.mount.device;
    attachment.mount.fstype = TRY(block::find_file_system(attachment.mount.device));
    // Last: it takes the lock that is held here.
    if (!shared) attachment.release_here = [image, device = *device] { return disconnect_own(image, device); };
    return attachment;
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    Usage usage = TRY(block::usage(TRY(attach(path, Access::kRead))));
    usage.exclusive = static_cast<std::uint64_t>(TRY(sys::stat(nbd::parse_path(path).file)).st_blocks) * kSectorBytes;
    return usage;
  }

  Status resize(const std::string& path, std::uint64_t bytes) const override {
    const Image image = nbd::parse_path(path);
    if (image.partition != 0) return fail(of_partition("resize", image));
    auto resized = resize_image(image.file, whole_units(bytes));
    if (!resized) return fail(std::move(resized.error()).context(strings::cat("cannot change the size of ", image.file)));
    return {};
  }

 private:
  // Writable where the file is, even to be read: the kernel must be able to replay a journal.
  static Result<std::string> connect(const std::string& file, Access access) {
    const bool read_only = access == Access::kRead && !sys::open(file, O_RDWR);
    return nbd::connect(file, TRY(nbd::format_of(file)), read_only);
  }

  // qemu-img changes an image that nobody has open. It grows before its file system does, and shrinks after it.
  [[nodiscard]] Status resize_image(const std::string& file, std::uint64_t bytes) const {
    TRY(disconnect_unused({file}));
    const std::string format = TRY(nbd::format_of(file));
    block::ResizableDevice device;
    {
      const Attachment attachment = TRY(attach(file, Access::kWrite));
      device.size = TRY(block::size_of(attachment.mount.device));
      device.type = attachment.mount.fstype;
      TRY(block::check_resize(device.type, file, device.size, bytes));
    }
    TRY(disconnect_unused({file}));
    const bool shrinks = bytes < device.size;
    bool grew_in_vain = false;
    Status resized;
    if (!shrinks) TRY(nbd::run_image_tool({"resize", "-q", "-f", format, "--", file, strings::cat(bytes)}));
    {
      const Attachment attachment = TRY(attach(file, Access::kWrite));
      device.path = attachment.mount.device;
      // The image is as long as it has to be, unless its file system could not follow.
      device.set_size = [&](std::uint64_t size) -> Status {
        grew_in_vain = !shrinks && size < bytes;
        return {};
      };
      resized = block::resize(device, bytes);
    }
    TRY(disconnect_unused({file}));
    if (grew_in_vain) TRY(nbd::run_image_tool({"resize", "-q", "-f", format, "--shrink", "--", file, strings::cat(device.size)}));
    TRY(std::move(resized));
    if (shrinks) TRY(nbd::run_image_tool({"resize", "-q", "-f", format, "--shrink", "--", file, strings::cat(bytes)}));
    return {};
  }
};

}  // namespace

const BackingStore& nbd_store() {
  static const NbdStore store;
  return store;
}

Status disconnect_unused_nbd(const std::string& file) {
  const Fd held = TRY(lock(file));
  return disconnect_unused({file});
}

}  // namespace berth::storage
