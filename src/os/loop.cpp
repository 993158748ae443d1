// Runs in: host commands.
#include "os/loop.hpp"

#include <fcntl.h>
#include <linux/loop.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/strings.hpp"

namespace berth::os {
namespace {

constexpr unsigned kAttempts = 64;  // to get a free device while others take them
constexpr auto kPause = std::chrono::milliseconds(5);
constexpr auto kLockTime = std::chrono::seconds(10);
constexpr std::uint32_t kSectorSize = 512;  // whatever the disk below has: the file may come from elsewhere

Result<loop_info64> status_of(const Fd& device, const std::string& path) {
  loop_info64 info{};
  TRY(sys::control(device.get(), LOOP_GET_STATUS64, &info, strings::cat("LOOP_GET_STATUS64 of ", path)));
  return info;
}

bool shows(const loop_info64& info, const struct ::stat& file) {
  return info.lo_device == file.st_dev && info.lo_inode == file.st_ino && info.lo_offset == 0 && info.lo_sizelimit == 0;
}

bool is_write_refused(const Error& error) { return error.code() == EACCES || error.code() == EROFS || error.code() == EPERM; }

// Nothing: it is not bound, or was cleared meanwhile, or shows something else.
Result<std::optional<LoopDevice>> open_if_shows(const std::string& path, const struct ::stat& file) {
  auto device = sys::open(path, O_RDWR);
  if (!device && is_write_refused(device.error())) device = sys::open(path, O_RDONLY);
  if (!device && (device.error().code() == ENXIO || device.error().code() == ENOENT)) return std::nullopt;
  if (!device) return fail(std::move(device.error()));
  const auto info = status_of(*device, path);
  if (!info || !shows(*info, file)) return std::nullopt;
  return LoopDevice{std::move(*device), path, (info->lo_flags & LO_FLAGS_READ_ONLY) != 0, true};
}

Error no_driver(Error error) {
  return std::move(error).because("the loop driver is missing, or /dev has no node for it").hint("modprobe loop");
}

Error no_node(Error error) {
  return std::move(error)
      .because("the kernel made the device, but this /dev has no node for it")
      .hint("make loop devices available here: mount a devtmpfs, or make the node by mknod(1)");
}

// LOOP_SET_FD and LOOP_SET_STATUS64, of kernels before 5.8.
Status configure_in_steps(const Fd& device, int file, const loop_info64& info, const std::string& path) {
  TRY(sys::control(device.get(), LOOP_SET_FD, reinterpret_cast<void*>(static_cast<std::intptr_t>(file)),
                   strings::cat("LOOP_SET_FD of ", path)));
  loop_info64 wanted = info;
  wanted.lo_flags &= LO_FLAGS_AUTOCLEAR;
  const auto outcome = sys::control(device.get(), LOOP_SET_STATUS64, &wanted, strings::cat("LOOP_SET_STATUS64 of ", path));
  if (outcome) return {};
  static_cast<void>(sys::control(device.get(), LOOP_CLR_FD, nullptr, path));
  return fail(outcome.error());
}

Status configure(const Fd& device, int file, bool read_only, const std::string& path, const std::string& shown) {
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(file);
  config.block_size = kSectorSize;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  if (read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  const auto length = std::min(shown.size(), sizeof config.info.lo_file_name - 1);
  std::memcpy(config.info.lo_file_name, shown.data(), length);
  const auto outcome = sys::control(device.get(), LOOP_CONFIGURE, &config, strings::cat("LOOP_CONFIGURE of ", path));
  if (outcome) return {};
  if (outcome.error().code() != EINVAL && outcome.error().code() != ENOTTY) return fail(outcome.error());
  return configure_in_steps(device, file, config.info, path);
}

// EBUSY: somebody else was quicker.
Result<LoopDevice> try_new_device(const Fd& control, int file, bool read_only, const std::string& shown) {
  const int number = TRY(sys::control(control.get(), LOOP_CTL_GET_FREE, nullptr, "LOOP_CTL_GET_FREE of /dev/loop-control"));
  std::string path = strings::cat("/dev/loop", number);
  auto device = sys::open(path, read_only ? O_RDONLY : O_RDWR);
  if (!device && device.error().code() == ENOENT) return fail(no_node(std::move(device.error())));
  if (!device && device.error().code() == ENXIO) return fail(Error::from_errno(EBUSY, "open", path));  // it was taken away again
  if (!device) return fail(std::move(device.error()));
  TRY(configure(*device, file, read_only, path, shown));
  return LoopDevice{std::move(*device), std::move(path), read_only, false};
}

Result<LoopDevice> new_device(int file, bool read_only, const std::string& shown) {
  auto control = sys::open("/dev/loop-control", O_RDWR);
  if (!control) return fail(no_driver(std::move(control.error())));
  for (unsigned attempt = 1;; ++attempt) {
    auto device = try_new_device(*control, file, read_only, shown);
    if (device || device.error().code() != EBUSY || attempt == kAttempts) return device;
    std::this_thread::sleep_for(kPause);
  }
}

// Of a description of its own: the device keeps the other one. Nobody can harm a file that can't be written.
Result<Fd> lock(const Fd& file, bool read_only, const std::string& path) {
  if (read_only) return Fd();
  Fd own = TRY(sys::open(strings::cat("/proc/self/fd/", file.get()), O_RDWR));
  const auto end = std::chrono::steady_clock::now() + kLockTime;
  for (;;) {
    const Status locked = sys::lock_file(own.get(), false, path);
    if (locked) return own;
    if (locked.error().code() != EAGAIN) return fail(locked.error());
    if (std::chrono::steady_clock::now() > end)
      return fail(Error::from_errno(EBUSY, "lock", path)
                      .because("another program has locked the file (a virtual machine, qemu-nbd)")
                      .hint("end that program first"));
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Result<std::optional<LoopDevice>> find_loop_device(const struct ::stat& file) {
  for (const auto& entry : TRY(sys::list_directory("/sys/block"))) {
    if (!entry.name.starts_with("loop") || !sys::exists(strings::cat("/sys/block/", entry.name, "/loop/backing_file"))) continue;
    auto device = TRY(open_if_shows(strings::cat("/dev/", entry.name), file));
    if (device) return device;
  }
  return std::nullopt;
}

Result<LoopDevice> attach_loop_device(const std::string& path, bool write) {
  auto file = sys::open(path, O_RDWR);
  const bool read_only = !file && !write && is_write_refused(file.error());
  if (read_only) file = sys::open(path, O_RDONLY);
  if (!file) return fail(std::move(file.error()));
  const auto info = TRY(sys::stat_fd(file->get()));
  if (!S_ISREG(info.st_mode)) return fail(Error::message(strings::cat(path, " is no regular file")));
  const Fd guard = TRY(lock(*file, read_only, path));
  auto found = TRY(find_loop_device(info));
  if (!found) return new_device(file->get(), read_only, path);
  if (found->read_only && write)
    return fail(Error::from_errno(EROFS, "attach", path)
                    .because(strings::cat(found->path, " shows the file already, read-only"))
                    .hint(strings::cat("end what uses it, then losetup -d ", found->path)));
  return std::move(*found);
}

Status refresh_loop_size(const LoopDevice& device) {
  TRY(sys::control(device.fd.get(), LOOP_SET_CAPACITY, nullptr, strings::cat("LOOP_SET_CAPACITY of ", device.path)));
  return {};
}

}  // namespace berth::os
