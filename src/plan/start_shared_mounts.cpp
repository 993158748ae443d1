// Runs in: the starting command.
// lxc.mount.auto = shmounts:HOSTDIR[:CONTAINERDIR]: what is mounted below HOSTDIR of the host later appears below CONTAINERDIR of
// the running container. HOSTDIR is a shared mount that the container's directory follows; one that is shared already is used as
// it is, and left.
#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "os/mount_table.hpp"
#include "os/paths.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

const config::AutoMounts& automatic(const Builder& builder) { return builder.conf().mounts.automatic; }

std::string host_directory(const Builder& builder) {
  return std::string(os::strip_trailing_slashes(automatic(builder).shmounts_host));
}

Result<bool> is_shared_mount(const std::string& directory) {
  const auto table = TRY(os::load_mount_table());
  const os::MountEntry* mount = os::find_mount_of(table, directory);
  return mount != nullptr && mount->target == directory && mount->shared != 0;
}

// Empty: the directory is there.
std::string uppermost_missing(std::string directory) {
  std::string missing;
  while (!directory.empty() && !sys::exists(directory)) {
    missing = directory;
    directory.resize(directory.rfind('/'));
  }
  return missing;
}

Status check_directory(const Builder& builder, const std::string& directory) {
  if (directory != "/") return {};
  return fail(Error::message("shmounts: can't share the host's whole root with the container")
                  .set_by(builder.origin("lxc.mount.auto"))
                  .hint("name a directory for it, as in shmounts:/run/mounts-of-web1"));
}

}  // namespace

Status plan_shared_directory(Builder& builder) {
  if (automatic(builder).shmounts_host.empty()) return {};
  const std::string directory = host_directory(builder);
  TRY(check_directory(builder, directory));
  if (TRY(is_shared_mount(directory))) return {};
  const std::string missing = uppermost_missing(directory);
  PlannedStep& share = builder.add(child::Phase::kCaller, child::Op::kShareDirectory, strings::cat("sharing ", directory));
  share.text[0] = directory;
  share.text[1] = missing;
  share.origin = builder.origin("lxc.mount.auto");
  PlannedStep& undo = builder.undo(child::Op::kUnshareDirectory, strings::cat("taking the mount of ", directory, " away"));
  undo.text[0] = directory;
  undo.text[1] = missing;
  return {};
}

void plan_shared_mounts(Builder& builder) {
  if (automatic(builder).shmounts_host.empty()) return;
  const std::string& target = automatic(builder).shmounts_container;
  PlannedStep& step = builder.inside(child::Op::kBind, strings::cat("mounting the shared directory on ", target));
  step.text[0] = host_directory(builder);
  step.text[1] = strings::trim_left(target, "/");
  step.num[0] = child::kMsRec;
  step.num[1] = child::kTargetCreateDirectory;
  step.num[2] = static_cast<std::int64_t>(child::kMsSlave | child::kMsRec);
  if (!sys::has(sys::Feature::kNewMountApi) || !sys::has(sys::Feature::kMountSetattr)) step.flags |= child::kStepClassicMount;
  if (!sys::has(sys::Feature::kOpenat2)) step.flags |= child::kStepNoOpenat2;
  step.origin = builder.origin("lxc.mount.auto");
}

}  // namespace berth::plan
