// Runs in: the starting command.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "config/mount_entry.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

bool is_directory(const std::string& path) {
  const auto about = sys::stat(path);
  return about && S_ISDIR(about->st_mode);
}

// The default is a directory of the installation, empty and open to everybody. Where it is not installed the tree is mounted
// over itself: that needs nothing on disk.
std::string mount_point(const Builder& builder) {
  const std::string& configured = builder.conf().rootfs.mount;
  if (!configured.empty() && configured != config::kDefaultRootfsMount) return configured;
  std::string installed{config::kDefaultRootfsMount};
  if (is_directory(installed)) return installed;
  return mounts_root(builder) ? strings::cat(builder.inputs.lxcpath, '/', builder.inputs.name, "/rootfs") : builder.root_source;
}

Status check_source(const Builder& builder) {
  const std::string& path = builder.root_source;
  const auto about = sys::stat(path);
  if (about && S_ISDIR(about->st_mode)) return {};
  if (about) {
    return fail(Error::message(strings::cat("the root file system ", path, " is not a directory"), 20)
                    .set_by(builder.origin("lxc.rootfs.path"))
                    .hint("set lxc.rootfs.path to the directory that holds the container's root"));
  }
  auto error = Error(about.error()).context("the root file system can't be used").set_by(builder.origin("lxc.rootfs.path"));
  if (about.error().code() == 2) return fail(std::move(error).hint("create it, or correct lxc.rootfs.path"));
  return fail(std::move(error).hint("check the permissions of every directory on the way to it"));
}

std::string source_of(const Builder& builder) {
  const std::optional<RootMount>& mount = builder.inputs.root;
  if (!mount) return builder.conf().rootfs.path;
  return mount->directory.empty() ? mount->device : mount->directory;
}

Status check_mount_point(const Builder& builder) {
  const std::string& path = builder.root_mount;
  if (is_directory(path)) return {};
  return fail(Error::message(strings::cat("the mount point ", path, " is not a directory"), 20)
                  .set_by(builder.origin("lxc.rootfs.mount"))
                  .hint("create it, or remove lxc.rootfs.mount to use the default"));
}

std::uint32_t mount_flags() {
  return sys::has(sys::Feature::kNewMountApi) && sys::has(sys::Feature::kMountSetattr) ? 0
                                                                                       : std::uint32_t{child::kStepClassicMount};
}

}  // namespace

Status decide_root(Builder& builder) {
  const config::RootfsConf& rootfs = builder.conf().rootfs;
  builder.has_root = !rootfs.path.empty();
  if (!builder.has_root) return {};
  builder.root_source = source_of(builder);
  if (!mounts_root(builder)) TRY(check_source(builder));
  builder.root_mount = mount_point(builder);
  if (!builder.inputs.root || !builder.inputs.root->described) TRY(check_mount_point(builder));
  auto options = config::parse_rootfs_options(rootfs.options);
  if (!options) return fail(std::move(options.error()).set_by(builder.origin("lxc.rootfs.options")));
  if (!options->data.empty() && !mounts_root(builder)) {
    return fail(Error::message(strings::cat("a directory takes no file system option \"", options->data, "\""))
                    .set_by(builder.origin("lxc.rootfs.options"))
                    .hint("keep mount flags such as ro, nosuid or noatime only"));
  }
  builder.root_flags = options->flags & ~child::kMsBind;
  builder.root_data = options->data;
  builder.root_propagation = options->propagation;
  builder.root_idmap = options->idmap;
  if (!builder.root_idmap.empty() && !builder.user_namespace && builder.root_idmap == "container") {
    return fail(Error::message("idmap=container needs a container with an id map")
                    .set_by(builder.origin("lxc.rootfs.options"))
                    .hint("add lxc.idmap lines, or remove idmap=container"));
  }
  return {};
}

// A file of the root's file system that stays open for writing: while it is, a container that remounts its root read-only can't
// make the whole file system read-only for the host. File systems that refuse it are not in danger or not writable.
namespace {

// The container's configuration file when it lies on the file system of the root and can be opened for writing, else nothing.
std::string file_beside_root(const Builder& builder) {
  const std::string& file = builder.inputs.config_file;
  const auto root = sys::stat(builder.root_source);
  const auto known = sys::stat(file);
  if (!root || !known || !S_ISREG(known->st_mode) || root->st_dev != known->st_dev) return {};
  return sys::open(file, O_WRONLY | O_NOCTTY | O_CLOEXEC) ? file : std::string{};
}

}  // namespace

void plan_pin(Builder& builder) {
  if (!builder.has_root || mounts_root(builder) || (builder.root_flags & child::kMsReadOnly) != 0) return;
  PlannedStep& pin = builder.meanwhile(child::Op::kOpenSlot, "keeping the root's file system writable for the host");
  // Any file that is open for writing will do. A new one costs an inode, which ext4 takes long to find among those just deleted.
  const std::string known = file_beside_root(builder);
  pin.text[0] = known.empty() ? builder.root_source : known;
  pin.num[0] = kSlotPin;
  pin.num[1] = known.empty() ? O_TMPFILE | O_RDWR : O_WRONLY | O_NOCTTY;
  pin.flags = child::kStepMayFail;
}

Status plan_root(Builder& builder) {
  if (builder.has_root && mounts_root(builder)) return plan_root_mount(builder);
  const bool idmapped = !builder.root_idmap.empty();
  if (idmapped && mount_flags() != 0) {
    return fail(Error::message("this kernel has no idmapped mounts").set_by(builder.origin("lxc.rootfs.options")));
  }
  PlannedStep& root =
      builder.inside(child::Op::kAttachRoot, builder.has_root ? "mounting the root file system" : "sharing the host's root");
  root.text[0] = builder.root_source;
  root.text[1] = builder.root_mount;
  root.num[0] = static_cast<std::int64_t>(builder.root_flags);
  root.num[1] = static_cast<std::int64_t>(builder.root_propagation);
  root.num[2] = static_cast<std::int64_t>(idmapped ? child::Tree::kReceived : child::Tree::kPath);
  root.num[3] = kSlotMountPoint;
  root.flags = mount_flags();
  root.origin = builder.origin(builder.conf().rootfs.options.empty() ? "lxc.rootfs.path" : "lxc.rootfs.options");
  if (!idmapped) return {};
  PlannedStep& send = builder.meanwhile(child::Op::kSendIdmappedTree, "mapping the owners of the root file system");
  send.text[0] = builder.root_source;
  send.text[1] = builder.root_idmap == "container" ? "" : builder.root_idmap;
  send.num[1] = 1;
  send.origin = builder.origin("lxc.rootfs.options");
  return {};
}

}  // namespace berth::plan
