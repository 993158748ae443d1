// Runs in: host commands.
#include "storage/zfs/zfs_tool.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/strings.hpp"
#include "os/command.hpp"
#include "os/mount_table.hpp"
#include "storage/zfs/zfs_output.hpp"
#include "sys/file.hpp"

namespace berth::storage::zfs {
namespace {

// A pool that is resilvering or full answers late; one that has lost its disks never does.
constexpr auto kPatience = std::chrono::minutes(5);
constexpr std::size_t kOutputLimit = 64UL << 20;  // some 500,000 datasets

// zfs-fuse lets go of a file system a moment after its unmount.
constexpr auto kBusyPause = std::chrono::milliseconds(50);
constexpr int kBusyTimes = 40;

bool is_busy_itself(const os::Finished& finished) {
  return !finished.succeeded() && finished.error_output.find("dataset is busy") != std::string::npos;
}

std::string_view hint_of(int code) {
  switch (code) {
    case ENODEV:
      return "load the module (modprobe zfs), or start the daemon (systemctl start zfs-fuse)";
    case ENOSPC:
    case EDQUOT:
      return "free space in the pool (zfs list -o space), or raise the quota";
    case EPERM:
      return "run it as root";
    default:
      return {};
  }
}

os::Command command_of(const std::vector<std::string>& arguments) {
  os::Command command;
  command.program = "zfs";
  command.arguments = arguments;
  command.environment = {"LC_ALL=C", "PATH=" + command.search_path};
  command.timeout = kPatience;
  command.output_limit = kOutputLimit;
  return command;
}

Error failure(const os::Finished& finished, std::string_view what) {
  const int code = finished.timed_out ? ETIMEDOUT : failure_code(finished.error_output);
  Error error = Error::message(strings::cat("cannot ", what), code).because(strings::cat("zfs: ", finished.outcome()));
  if (code == ENODEV)
    std::move(error).because(strings::cat("neither the kernel's module zfs nor the daemon zfs-fuse answers (",
                                          strings::trim(strings::split(finished.error_output, '\n').front()), ")"));
  else if (!finished.error_output.empty())
    std::move(error).output(finished.error_output);
  if (const auto hint = hint_of(code); !hint.empty()) std::move(error).hint(hint);
  return error;
}

}  // namespace

bool is_installed() { return os::has_program("zfs"); }

Status need_tool() {
  if (is_installed()) return {};
  return fail(Error::message("there is no program 'zfs' (Debian: package zfsutils-linux)", EOPNOTSUPP)
                  .hint("install zfsutils-linux (with the kernel's module from zfs-dkms), or zfs-fuse"));
}

Result<std::string> run(const std::vector<std::string>& arguments, std::string_view what) {
  TRY(need_tool());
  os::Finished finished = TRY(os::run(command_of(arguments)));
  for (int again = 0; again < kBusyTimes && is_busy_itself(finished); ++again) {
    std::this_thread::sleep_for(kBusyPause);
    finished = TRY(os::run(command_of(arguments)));
  }
  if (!finished.succeeded()) return fail(failure(finished, what));
  if (finished.truncated) return fail(Error::message(strings::cat("cannot ", what), EFBIG).because("zfs printed too much"));
  return std::move(finished.output);
}

Status run_stream(const std::vector<std::string>& arguments, int input, int output, std::string_view what) {
  TRY(need_tool());
  os::Command command = command_of(arguments);
  command.timeout.reset();
  command.input_from = input;
  command.output_to = output;
  const os::Finished finished = TRY(os::run(command));
  return finished.succeeded() ? Status() : fail(failure(finished, what));
}

Result<bool> exists(const std::string& name) {
  const auto found = run({"list", "-H", "-o", "name", "-t", "all", name}, "look for the dataset " + name);
  if (found) return true;
  if (found.error().code() == ENOENT) return false;
  return fail(found.error());
}

Result<std::vector<std::string>> properties(const std::string& dataset, const std::vector<std::string>& names) {
  const std::string output = TRY(run({"get", "-Hp", "-o", "value", strings::join(names, ","), dataset}, "ask about " + dataset));
  const auto lines = strings::split(strings::trim_right(output, "\n"), '\n');
  if (lines.size() != names.size())
    return fail(Error::message(strings::cat("cannot ask about ", dataset), EPROTO)
                    .because(strings::cat("zfs get answered ", lines.size(), " of ", names.size(), " questions")));
  return std::vector<std::string>(lines.begin(), lines.end());
}

Status set(const std::string& dataset, std::string_view property, std::string_view value) {
  TRY(run({"set", strings::cat(property, "=", value), dataset}, strings::cat("set ", property, " of ", dataset)));
  return {};
}

// A change of a property waits for the transaction group that it is in; this one changes nothing.
Status write_out(const std::string& dataset) {
  const std::string limit = TRY(properties(dataset, {"refquota"})).front();
  return set(dataset, "refquota", parse_size(limit).value_or(0) == 0 ? "none" : limit);
}

Result<std::vector<Clone>> clones_of(const std::string& dataset) {
  const std::string output =
      TRY(run({"list", "-H", "-r", "-t", "filesystem,volume", "-o", "name,origin", std::string(pool_of(dataset))},
              "look for clones of " + dataset));
  std::vector<Clone> clones;
  for (const Row& row : TRY(parse_rows(output, 2)))
    if (row[1].starts_with(dataset + "@")) clones.push_back({row[0], row[1]});
  return clones;
}

Result<std::vector<std::string>> children_of(const std::string& dataset) {
  const std::string output =
      TRY(run({"list", "-H", "-r", "-t", "filesystem,volume", "-o", "name", dataset}, "look for what is below " + dataset));
  std::vector<std::string> children;
  for (const Row& row : TRY(parse_rows(output, 1)))
    if (row[0] != dataset) children.push_back(row[0]);
  return children;
}

Result<std::vector<std::string>> snapshots_of(const std::string& dataset) {
  const std::string output = TRY(
      run({"list", "-H", "-d", "1", "-t", "snapshot", "-o", "name", "-s", "creation", dataset}, "list snapshots of " + dataset));
  std::vector<std::string> names;
  for (const Row& row : TRY(parse_rows(output, 1))) names.push_back(row[0]);
  return names;
}

Result<std::string> resolve(const std::string& path) {
  if (is_dataset_name(path)) return path;
  const Error unknown = Error::message(strings::cat("there is no zfs file system ", strings::printable(path)), ENOENT)
                            .hint("correct lxc.rootfs.path: zfs:POOL/DATASET");
  if (!path.starts_with('/')) return fail(unknown);
  const std::string output =
      TRY(run({"list", "-H", "-t", "filesystem", "-o", "name,mountpoint"}, "look for the file system of " + path));
  const auto rows = TRY(parse_rows(output, 2));
  for (const Row& row : rows)
    if (row[1] == path) return row[0];
  for (const Row& row : rows)
    if (row[0] == path.substr(1)) return row[0];
  return fail(unknown);
}

std::optional<Mounted> find_mounted(const std::vector<os::MountEntry>& table, std::string_view dataset, std::string_view place) {
  const auto found = std::ranges::find_if(table, [&](const os::MountEntry& entry) {
    const bool by_root = entry.type == "zfs" || (entry.type == "fuse.zfs" && entry.has_super_option("user_id=0"));
    return by_root && entry.source == dataset && entry.root == "/" && (place.empty() || entry.target == place);
  });
  if (found == table.end()) return std::nullopt;
  return Mounted{found->target, found->major, found->minor};
}

// The mount table has no symbolic links in its paths, the property may.
Result<std::optional<Mounted>> mounted_at(const std::string& dataset) {
  const auto table = TRY(os::load_mount_table());
  if (!find_mounted(table, dataset, "")) return std::nullopt;
  const std::string place = TRY(properties(dataset, {"mountpoint"})).front();
  if (!place.starts_with('/')) return find_mounted(table, dataset, "");
  const auto directory = sys::open(place, O_PATH | O_DIRECTORY);
  if (!directory) return std::nullopt;
  return find_mounted(table, dataset, TRY(sys::read_link(strings::cat("/proc/self/fd/", directory->get()))));
}

Status clone(const std::string& snapshot, const std::string& dataset, const std::string& mount_point) {
  TRY(run({"clone", "-o", "mountpoint=" + mount_point, "-o", "canmount=noauto", snapshot, dataset},
          strings::cat("clone ", snapshot, " to ", dataset)));
  if (TRY(mounted_at(dataset))) TRY(run({"unmount", dataset}, "unmount " + dataset));
  return {};
}

}  // namespace berth::storage::zfs
