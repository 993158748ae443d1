// Runs in: host commands.
#include "storage/rbd/rbd_mapping.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/strings.hpp"
#include "os/lock.hpp"
#include "os/rundir.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/tool.hpp"
#include "storage/rbd/rbd_tool.hpp"
#include "sys/file.hpp"

namespace berth::storage::rbd {
namespace {

constexpr std::string_view kNbdDevices = "/dev/nbd";
constexpr char kKernelBus[] = "/sys/bus/rbd";
constexpr char kKernelDevices[] = "/sys/bus/rbd/devices";
constexpr char kNbdModule[] = "/sys/block/nbd0";
constexpr char kDeviceManager[] = "/run/udev/control";
// A client of a moment (`rbd du`) has it open too.
constexpr int kWatcherTimes = 10;
constexpr auto kWatcherPause = std::chrono::milliseconds(300);

enum class Way { kKernel, kNbd };

std::vector<std::string> device_words(std::string_view verb, Way way) {
  std::vector<std::string> words{"device", std::string(verb)};
  if (way == Way::kNbd) words.insert(words.end(), {"-t", "nbd"});
  // The rbd command waits for udev's rules, for ever where no udev runs.
  if (way == Way::kKernel && verb != "list" && !sys::exists(kDeviceManager)) words.insert(words.end(), {"-o", "noudev"});
  return words;
}

Result<os::FileLock> lock() {
  const std::string run = TRY(os::run_directory());
  TRY(os::ensure_private_directory(run, "berth"));
  return os::FileLock::acquire(run + "/berth/rbd.lock");
}

// Without asking rbd, which takes its time to start.
bool has_mappings(Way way) {
  if (way == Way::kNbd) return sys::exists(kNbdModule) && block::is_installed("rbd-nbd");
  const auto devices = sys::list_directory(kKernelDevices);
  return devices && !devices->empty();
}

Result<std::vector<Mapping>> mappings(Way way) {
  if (!has_mappings(way)) return std::vector<Mapping>();
  auto words = device_words("list", way);
  words.insert(words.end(), {"--format", "json"});
  return parse_mappings(TRY(run(words, "list the mapped images")));
}

Result<std::vector<Mapping>> mappings_of(const Image& image) {
  std::vector<Mapping> found;
  for (const Way way : {Way::kKernel, Way::kNbd})
    for (Mapping& mapping : TRY(mappings(way)))
      if (mapping.image == image && !mapping.snapshot) found.push_back(std::move(mapping));
  return found;
}

Status refuse_other_clients(const Image& image, const std::string& user) {
  std::vector<std::string> clients;
  for (int time = 0; time < kWatcherTimes; ++time) {
    clients = TRY(parse_watchers(TRY(run(words({"status", "--format", "json"}, image), "ask who uses " + image.name, user))));
    if (clients.empty()) return {};
    std::this_thread::sleep_for(kWatcherPause);
  }
  return fail(
      Error::message(strings::cat("cannot map the image ", image.name), EBUSY)
          .because(strings::cat("another client has it open: ", clients.front(), ", and two would destroy its file system"))
          .hint("stop the container there; after a crash Ceph forgets a client within half a minute"));
}

Result<std::string> map_one_way(const Image& image, Way way, const std::string& user) {
  const std::string output = TRY(run(words(device_words("map", way), image), "map the image " + image.name, user));
  std::string device(strings::trim(output));
  if (!device.starts_with("/dev/"))
    return fail(
        Error::message(strings::cat("cannot map the image ", image.name), EPROTO).because("rbd names no device").output(output));
  return device;
}

// The error of the kernel's way is the one to be told: rbd-nbd is the way out of a missing module only.
Result<std::string> map_somehow(const Image& image, const std::string& user) {
  auto device = map_one_way(image, Way::kKernel, user);
  if (device || sys::exists(kKernelBus)) return device;
  if (block::is_installed("rbd-nbd")) return map_one_way(image, Way::kNbd, user);
  return fail(
      std::move(device.error()).because("this kernel has no module rbd").hint("load it (modprobe rbd), or install rbd-nbd"));
}

std::vector<std::string> unmap_words(const std::string& device) {
  auto words = device_words("unmap", device.starts_with(kNbdDevices) ? Way::kNbd : Way::kKernel);
  words.push_back(device);
  return words;
}

Result<Fd> open_device(const std::string& device) { return sys::open(device, O_RDONLY | O_CLOEXEC); }

bool is_nbd(const Mapping& mapping) { return mapping.device.starts_with(kNbdDevices); }

// The kernel keeps a device of its own that is open or mounted; rbd-nbd takes one away from under a file system. So such a one
// has a single user, who alone unmaps it, and others are refused.
Error has_a_user(const Image& image, const std::string& device) {
  return Error::message(strings::cat("the image ", image.name, " is in use"), EBUSY)
      .because(strings::cat("rbd-nbd has mapped it as ", device, ", for one user at a time"))
      .hint(strings::cat("stop the container; after a crash: umount ", device, ", rbd device unmap -t nbd ", device));
}

}  // namespace

Status check_way() {
  const auto has_module = [](const char* name) {
    return block::run_checked({.program = "modprobe", .arguments = {"--dry-run", "--", name}, .package = "kmod"}).has_value();
  };
  if (sys::exists(kKernelBus) || has_module("rbd")) return {};
  const bool has_program = block::is_installed("rbd-nbd");
  if (has_program && (sys::exists(kNbdModule) || has_module("nbd"))) return {};
  return fail(
      Error::message("images of a Ceph cluster can't be mapped here", ENODEV)
          .because(has_program ? "this kernel has neither the module rbd nor nbd"
                               : "this kernel has no module rbd, and there is no rbd-nbd")
          .hint(has_program ? "boot a kernel with one of them" : "install rbd-nbd, or boot a kernel that has the module"));
}

Result<Mapped> map(const Image& image, const std::string& user) {
  const os::FileLock alone = TRY(lock());
  const auto before = TRY(mappings_of(image));
  if (!before.empty()) {
    if (is_nbd(before.front())) return fail(has_a_user(image, before.front().device));
    Mapped mapped{before.front().device, TRY(open_device(before.front().device))};
    const auto still = TRY(mapping_of(image));  // now it can't go any more
    if (!still || still->device != mapped.device)
      return fail(Error::message(strings::cat("cannot use the image ", image.name), EAGAIN).because("it was unmapped just now"));
    return mapped;
  }
  TRY(refuse_other_clients(image, user));
  const std::string device = TRY(map_somehow(image, user));
  std::vector<std::string> release{"rbd"};
  for (std::string& word : unmap_words(device)) release.push_back(std::move(word));
  return Mapped{device, TRY(open_device(device)), std::move(release)};
}

Result<std::optional<Mapping>> mapping_of(const Image& image) {
  auto found = TRY(mappings_of(image));
  if (found.empty()) return std::optional<Mapping>();
  return std::optional<Mapping>(std::move(found.front()));
}

Status unmap(const Image& image) {
  const os::FileLock alone = TRY(lock());
  const auto mappings = TRY(mappings_of(image));
  for (const Mapping& mapping : mappings)
    if (is_nbd(mapping) && TRY(block::is_in_use(mapping.device))) return fail(has_a_user(image, mapping.device));
  for (const Mapping& mapping : mappings) TRY(run(unmap_words(mapping.device), "unmap " + mapping.device));
  return {};
}

}  // namespace berth::storage::rbd
