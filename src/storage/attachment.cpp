// Runs in: host commands.
#include "storage/attachment.hpp"

#include <linux/mount.h>

#include <cerrno>
#include <chrono>

#include "base/strings.hpp"
#include "os/command.hpp"
#include "sys/features.hpp"
#include "sys/mount.hpp"

namespace berth::storage {
namespace {

constexpr auto kReleaseTime = std::chrono::seconds(30);

Status run_release(const std::vector<std::string>& words) {
  os::Command command;
  command.program = words.front();
  command.arguments.assign(words.begin() + 1, words.end());
  command.environment = os::own_environment();
  command.timeout = kReleaseTime;
  if (auto finished = os::run_checked(command); !finished) return fail(std::move(finished.error()));
  return {};
}

Status configure(int file_system, const MountSource& source, bool read_only) {
  if (!source.device.empty()) TRY(sys::configure_filesystem(file_system, FSCONFIG_SET_STRING, "source", source.device));
  for (const auto& [key, value] : source.options)
    TRY(sys::configure_filesystem(file_system, value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key, value));
  if (read_only) TRY(sys::configure_filesystem(file_system, FSCONFIG_SET_FLAG, "ro", ""));
  return sys::configure_filesystem(file_system, FSCONFIG_CMD_CREATE, "", "");
}

Result<Fd> mount_as(const MountSource& source, bool read_only, unsigned attributes) {
  const Fd file_system = TRY(sys::open_filesystem(source.fstype));
  TRY(configure(file_system.get(), source, read_only));
  return sys::mount_filesystem(file_system.get(), attributes);
}

Result<Fd> mount_detached(const MountSource& source, Access access) {
  if (!sys::has(sys::Feature::kNewMountApi))
    return fail(Error::message("this kernel can't mount a file system at no place", ENOSYS)
                    .because("fsopen(2) is missing: it came with Linux 5.2")
                    .hint("keep the root file system in a directory (--bdev dir) on such hosts"));
  if (access == Access::kWrite) return mount_as(source, false, 0);
  auto mount = mount_as(source, true, MOUNT_ATTR_RDONLY);
  if (mount || mount.error().code() != EBUSY) return mount;
  return mount_as(source, false, MOUNT_ATTR_RDONLY);  // a running container has it mounted for writing: the same once more
}

}  // namespace

Attachment::~Attachment() { static_cast<void>(release()); }

Status Attachment::release() {
  device.reset();
  const auto here = std::exchange(release_here, {});
  const auto programs = std::exchange(releases, {});
  if (here) return here();
  Status outcome;
  for (const auto& words : programs)
    if (auto done = run_release(words); !done && outcome) outcome = std::move(done);
  return outcome;
}

std::vector<std::vector<std::string>> Attachment::hand_over() {
  release_here = {};
  return std::exchange(releases, {});
}

View::View(Attachment attachment, Fd mount, std::string directory)
    : mount_(std::move(mount)), attachment_(std::move(attachment)), directory_(std::move(directory)) {}

Result<View> View::open(Attachment attachment, Access access) {
  const MountSource& source = attachment.mount;
  if (!source.directory.empty()) {
    std::string directory = source.directory;
    return View(std::move(attachment), Fd(), std::move(directory));
  }
  Fd mount = TRY_CONTEXT(mount_detached(source, access),
                         strings::cat("cannot mount ", source.device.empty() ? source.fstype : source.device));
  std::string directory = strings::cat("/proc/self/fd/", mount.get());
  return View(std::move(attachment), std::move(mount), std::move(directory));
}

Status View::close() {
  mount_.reset();
  return attachment_.release();
}

View::~View() { static_cast<void>(close()); }

}  // namespace berth::storage
