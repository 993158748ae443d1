// Runs in: host commands.
#include "storage/nbd/device.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/strings.hpp"
#include "storage/block/name_lock.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/tool.hpp"
#include "storage/nbd/image_reach.hpp"
#include "sys/file.hpp"

namespace berth::storage::nbd {
namespace {

constexpr auto kReadyTime = std::chrono::seconds(20);
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr std::string_view kPackage = "qemu-utils";

// Polls until `done` or the end of the time; false: it is not.
bool wait_until(auto&& done) {
  const auto end = std::chrono::steady_clock::now() + kReadyTime;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

std::string attribute(const std::string& device, std::string_view name) {
  const std::string path = strings::cat("/sys/block/", device.substr(device.rfind('/') + 1), "/", name);
  return std::string(strings::trim(sys::read_file(path).value_or("")));
}

bool is_connected(const std::string& device) { return !attribute(device, "pid").empty(); }

Result<std::vector<std::string>> devices() {
  std::vector<std::string> found;
  for (const auto& entry : TRY(sys::list_directory("/sys/block")))
    if (entry.name.starts_with("nbd")) found.push_back("/dev/" + entry.name);
  std::ranges::sort(found, {}, [](const std::string& name) { return std::pair(name.size(), name); });
  return found;
}

Status load_module(bool only_look) {
  block::Tool tool{.program = "modprobe", .arguments = {"--", "nbd"}, .package = "kmod"};
  if (only_look) tool.arguments.insert(tool.arguments.begin(), "--dry-run");
  const auto loaded = block::run_checked(tool);
  if (loaded && (only_look || !TRY(devices()).empty())) return {};
  return fail(
      Error::message("this kernel has no network block devices", ENODEV)
          .because(loaded ? "the module nbd is loaded without any" : strings::cat("no module nbd: ", loaded.error().line()))
          .output(loaded ? "" : loaded.error().output())
          .hint(loaded ? "modprobe -r nbd; modprobe nbd nbds_max=16" : "boot a kernel that has the module nbd"));
}

Status ensure_driver() { return TRY(devices()).empty() ? load_module(false) : Status{}; }

Result<std::string> free_device() {
  const auto all = TRY(devices());
  for (const std::string& device : all)
    if (!is_connected(device) && attribute(device, "size") == "0") return device;
  return fail(Error::from_errno(EBUSY, "connect", "an image")
                  .because(strings::cat("all ", all.size(), " network block devices are in use"))
                  .hint("load the module with more: nbds_max=64 in /etc/modprobe.d"));
}

bool is_ready(const std::string& device) {
  if (!is_connected(device) || attribute(device, "size") == "0") return false;
  const auto start = block::read_start(device);
  return start && !start->empty();
}

bool is_same_file(const std::string& name, const struct ::stat& file) {
  const auto info = sys::stat(name);
  return info && info->st_dev == file.st_dev && info->st_ino == file.st_ino;
}

}  // namespace

Status check_driver() { return TRY(devices()).empty() ? load_module(true) : Status{}; }

Image parse_path(const std::string& path) {
  const auto colon = path.rfind(':');
  if (colon == std::string::npos || sys::exists(path)) return {path};
  const auto partition = strings::parse_number<unsigned>(std::string_view(path).substr(colon + 1));
  return partition && *partition != 0 ? Image{path.substr(0, colon), *partition} : Image{path};
}

std::string_view named_format(std::string_view file) {
  if (file.ends_with(kUnfinished)) file.remove_suffix(kUnfinished.size());
  if (file.ends_with(".raw") || file.ends_with(".img")) return "raw";
  return file.ends_with(".qcow2") ? "qcow2" : "";
}

Result<std::vector<std::string>> bases_of(const std::string& file) {
  const auto slash = file.rfind('/');
  const std::string directory = file.substr(0, slash), prefix = strings::cat(file.substr(slash + 1), kBase);
  std::vector<std::string> found;
  const auto entries = sys::list_directory(directory);
  if (!entries && entries.error().code() == ENOENT) return found;
  if (!entries) return fail(entries.error());
  for (const auto& entry : *entries)
    if (entry.name.starts_with(prefix)) found.push_back(strings::cat(directory, "/", entry.name));
  std::ranges::sort(found);
  return found;
}

Result<bool> is_upon_base(std::string file) {
  const auto info = sys::stat(file);
  if (file.ends_with(kUnfinished)) file.resize(file.size() - kUnfinished.size());
  for (const std::string& base : TRY(bases_of(file)))
    if (base != strings::cat(file, kFreshBase) && !(info && is_same_file(base, *info))) return true;
  return false;
}

Result<std::string> format_of(const std::string& file) {
  std::string_view named = named_format(file);
  if (named == "raw" && TRY(is_upon_base(file))) named = "qcow2";
  if (named == "raw") return "raw";
  const std::string start = TRY(block::read_start(file));
  const std::string_view held = block::image_format_of(start);
  if (!held.empty() && (named.empty() || held == named)) {
    TRY(check_reach(file, start));
    return std::string(held);
  }
  return fail(Error::message(strings::cat("the image ", file, " is not used as ", held.empty() ? "raw" : held), EINVAL)
                  .because("its name does not say so, and what is in a raw image its container can have written")
                  .hint("give it a name that ends in its format: .raw (or .img), .qcow2"));
}

bool serves(std::string_view command_line, const std::string& file) {
  const auto info = sys::stat(file);
  const auto words = strings::split(command_line, '\0');
  if (words.empty() || !words.front().ends_with("qemu-nbd")) return false;
  return std::ranges::any_of(words.begin() + 1, words.end(), [&](std::string_view word) {
    return word == file || (info && word.starts_with('/') && is_same_file(std::string(word), *info));
  });
}

Result<std::optional<std::string>> find_device(const std::string& file) {
  for (const std::string& device : TRY(devices())) {
    const std::string pid = attribute(device, "pid");
    if (pid.empty()) continue;
    const auto command_line = sys::read_file(strings::cat("/proc/", pid, "/cmdline"));
    if (command_line && serves(*command_line, file)) return device;
  }
  return std::nullopt;
}

Result<std::string> connect(const std::string& file, const std::string& format, bool read_only) {
  const Fd choice = TRY(block::wait_for_name("nbd"));
  TRY(ensure_driver());
  std::string device = TRY(free_device());
  block::Tool tool{.program = "qemu-nbd", .arguments = {strings::cat("--connect=", device), strings::cat("--format=", format)}};
  tool.package = kPackage;
  if (read_only) tool.arguments.emplace_back("--read-only");
  if (!read_only) tool.arguments.emplace_back("--discard=unmap");
  tool.arguments.insert(tool.arguments.end(), {"--", file});
  TRY_CONTEXT(block::run_checked(tool), strings::cat("cannot connect ", file, " to ", device));
  if (wait_until([&] { return is_ready(device); })) return device;
  static_cast<void>(disconnect(device));
  return fail(Error::from_errno(ETIMEDOUT, "connect", device).because(strings::cat("qemu-nbd does not answer for ", file)));
}

std::vector<std::string> disconnection(const std::string& device, const std::string& file) {
  constexpr const char* kScript =
      "pid=$(cat \"/sys/block/${1##*/}/pid\" 2>/dev/null) && "
      "tr '\\0' '\\n' 2>/dev/null <\"/proc/$pid/cmdline\" | grep -qxF -e \"$2\" || exit 0; exec qemu-nbd --disconnect \"$1\"";
  return {"/bin/sh", "-c", kScript, "qemu-nbd", device, file};
}

Status disconnect(const std::string& device) {
  TRY(block::run_checked({.program = "qemu-nbd", .arguments = {"--disconnect", device}, .package = std::string(kPackage)}));
  if (wait_until([&] { return !is_connected(device); })) return {};
  return fail(Error::from_errno(EBUSY, "disconnect", device).hint("find what uses it: lsblk"));
}

Result<std::string> partition_of(const std::string& device, unsigned partition) {
  if (partition == 0) return device;
  std::string path = strings::cat(device, "p", partition);
  if (wait_until([&] { return sys::exists(path); })) return path;
  return fail(Error::from_errno(ENOENT, "open", path).because("the image has no such partition"));
}

Status run_image_tool(std::vector<std::string> arguments) {
  TRY(block::run_checked(
      {.program = "qemu-img", .arguments = std::move(arguments), .package = std::string(kPackage), .timeout = block::kLong}));
  return {};
}

}  // namespace berth::storage::nbd
