// Runs in: host commands.
#include "storage/rbd/rbd_tool.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <chrono>

#include "base/strings.hpp"
#include "storage/block/tool.hpp"

namespace berth::storage::rbd {
namespace {

// A cluster without its monitors or disks lets a client wait; removing or flattening a large image takes its time.
constexpr auto kPatience = std::chrono::minutes(10);
constexpr std::string_view kConnectTime = "--client-mount-timeout=20";  // seconds; without it five minutes

std::string_view hint_of(int code) {
  switch (code) {
    case ENOTCONN:
    case ETIMEDOUT:
      return "look at the cluster (ceph status), and at /etc/ceph/ceph.conf: does it name the monitors, and is the key there?";
    case ENOSPC:
    case EDQUOT:
      return "free space in the pool (ceph df), or raise its quota";
    case EPERM:
    case EACCES:
      return "name a Ceph user who may do that: --rbduser, lxc.bdev.rbd.rbduser in lxc.conf, or CEPH_ARGS='--id USER'";
    default:
      return {};
  }
}

Error failure(const os::Finished& finished, std::string_view what) {
  const int status = WIFEXITED(finished.status) ? WEXITSTATUS(finished.status) : 0;
  const int code = finished.timed_out ? ETIMEDOUT : failure_code(status, finished.error_output);
  Error error = Error::message(strings::cat("cannot ", what), code).because(strings::cat("rbd: ", finished.outcome()));
  if (!finished.error_output.empty()) std::move(error).output(finished.error_output);
  if (const auto hint = hint_of(code); !hint.empty()) std::move(error).hint(hint);
  return error;
}

}  // namespace

Status need_tool() {
  if (block::is_installed("rbd")) return {};
  return fail(block::missing_program("rbd", "ceph-common", EOPNOTSUPP));
}

Result<std::string> run(const std::vector<std::string>& arguments, std::string_view what, const std::string& user) {
  TRY(need_tool());
  block::Tool tool{.program = "rbd", .arguments = arguments, .package = "ceph-common", .timeout = kPatience};
  if (!user.empty()) tool.arguments.insert(tool.arguments.end(), {"--id", user});
  tool.arguments.emplace_back(kConnectTime);
  os::Finished finished = TRY(block::run(tool));
  if (!finished.succeeded()) return fail(failure(finished, what));
  return std::move(finished.output);
}

std::vector<std::string> words_of(const Image& image) {
  std::vector<std::string> words{"--pool", image.pool, "--image", image.name};
  if (!image.space.empty()) words.insert(words.end(), {"--namespace", image.space});
  return words;
}

std::vector<std::string> words(const std::vector<std::string>& first, const Image& image, const std::vector<std::string>& last) {
  std::vector<std::string> all = first;
  const auto middle = words_of(image);
  all.insert(all.end(), middle.begin(), middle.end());
  all.insert(all.end(), last.begin(), last.end());
  return all;
}

Result<std::optional<Info>> find(const Image& image) {
  const auto json = run(words({"info", "--format", "json"}, image), "look for the image " + image.name);
  if (!json && json.error().code() == ENOENT) return std::optional<Info>();
  if (!json) return fail(json.error());
  return std::optional<Info>(TRY(parse_info(*json)));
}

Result<std::vector<Snapshot>> snapshots_of(const Image& image) {
  return parse_snapshots(TRY(run(words({"snap", "ls", "--format", "json"}, image), "list snapshots of " + image.name)));
}

Result<std::vector<Image>> clones_of(const Image& image, const std::string& snapshot) {
  return parse_children(
      TRY(run(words({"children", "--format", "json"}, image, {"--snap", snapshot}), "list clones of " + image.name)));
}

}  // namespace berth::storage::rbd
