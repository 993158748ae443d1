// Runs in: host commands.
#include "base/defer.hpp"
#include "cli/commands.hpp"
#include "cli/ephemeral.hpp"
#include "cli/mount_option.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/start_options.hpp"
#include "cli/units.hpp"
#include "runtime/clone.hpp"
#include "storage/backing_store.hpp"
#include "sys/process.hpp"

namespace berth::cli {
namespace {

struct CopyOptions : Common {
  std::string new_name, new_path, bdev, fstype;
  std::uint64_t size = 0;
  bool rename = false, snapshot = false, maybe_snapshot = false, allow_running = false, foreground = false, ephemeral = false;
  bool keep_data = false, keep_name = false, keep_mac = false, tmpfs = false;
  std::vector<CopyMount> mounts;
  ProgressChoice progress = ProgressChoice::kAuto;
};

Status add_mounts(Common& options, std::string_view value) {
  for (auto& entry : TRY(parse_mount_option(value))) static_cast<CopyOptions&>(options).mounts.push_back(std::move(entry));
  return {};
}

Status set_size(Common& options, std::string_view value) {
  static_cast<CopyOptions&>(options).size = TRY(parse_file_system_size(value));
  return {};
}

constexpr Option kOptions[] = {
    {"newname", 'N', Takes::kValue, "NEWNAME", "Name of the copy", set_text<&CopyOptions::new_name>},
    {"newpath", 'p', Takes::kValue, "NEWPATH", "Container path (lxcpath) of the copy", set_text<&CopyOptions::new_path>},
    {"rename", 'R', Takes::kNothing, "", "Rename the container", set_flag<&CopyOptions::rename>},
    {"snapshot", 's', Takes::kNothing, "", "Share the unchanged data with the container instead of copying it",
     set_flag<&CopyOptions::snapshot>},
    {"maybe-snapshot", 0, Takes::kNothing, "", "The same where the storage can, else a full copy",
     set_flag<&CopyOptions::maybe_snapshot>},
    {"allowrunning", 'a', Takes::kNothing, "",
     "Copy although the container is running\n(what changes meanwhile may be inconsistent)",
     set_flag<&CopyOptions::allow_running>},
    {"foreground", 'F', Takes::kNothing, "", "With -e: start with the current tty attached to /dev/console",
     set_flag<&CopyOptions::foreground>},
    {"daemon", 'd', Takes::kNothing, "", "With -e: daemonize the container (default)", clear_flag<&CopyOptions::foreground>},
    {"ephemeral", 'e', Takes::kNothing, "", "Start the copy, and remove it when it stops", set_flag<&CopyOptions::ephemeral>},
    {"mount", 'm', Takes::kValue, "MOUNT",
     "With -e: what to mount into the copy, bind=/source[:/target][:ro|rw]\n"
     "or overlay=/source[:/target], whose changes are the copy's;\n"
     "several are joined by commas",
     add_mounts},
    {"backingstorage", 'B', Takes::kValue, "BDEV", "Storage type of the copy, best or none as for lxc-create",
     set_text<&CopyOptions::bdev>},
    {"tmpfs", 't', Takes::kNothing, "", "With -e: keep the changes of the copy on a tmpfs", set_flag<&CopyOptions::tmpfs>},
    {"fssize", 'L', Takes::kValue, "SIZE[U]", "Size of a new block device, unit one of bBkKmMgGtT (default: M)", set_size},
    {"fstype", 0, Takes::kValue, "FSTYPE", "File system of a new block device (default: the container's, or ext4)",
     set_text<&CopyOptions::fstype>},
    {"keepdata", 'D', Takes::kNothing, "", "With -e: keep the copy when it stops", set_flag<&CopyOptions::keep_data>},
    {"keepname", 'K', Takes::kNothing, "", "Keep the host name of the container", set_flag<&CopyOptions::keep_name>},
    {"keepmac", 'M', Takes::kNothing, "", "Keep the MAC addresses of the container", set_flag<&CopyOptions::keep_mac>},
    kProgressOption<&CopyOptions::progress>,
};

Status check_rename(const CopyOptions& options) {
  if (options.new_name.empty()) return fail("--rename needs the new name (--newname)");
  if (options.ephemeral || options.snapshot || !options.bdev.empty() || options.size != 0 || !options.fstype.empty())
    return fail("--rename only changes the name: it can't be used with -e, -s, -B, -L or --fstype");
  if (!options.new_path.empty())
    return fail(Error::message("--rename stays in the container path: it can't be used with --newpath")
                    .hint("copy the container there, then destroy this one"));
  return {};
}

Status check_tmpfs(const CopyOptions& options) {
  if (!options.ephemeral || options.keep_data)
    return fail(Error::message("--tmpfs is for a copy that goes when it stops: add --ephemeral, leave out --keepdata"));
  if (!options.bdev.empty() && options.bdev != "overlay" && options.bdev != "overlayfs")
    return fail(Error::message("--tmpfs makes a copy of the type overlay")
                    .hint(strings::cat("leave out --backingstorage ", options.bdev, ", or --tmpfs")));
  if (sys::effective_uid() != 0) return fail(Error::message("--tmpfs needs the rights of root", EPERM));
  return {};
}

// An overlay wants directories below it.
Status check_root_for_tmpfs(const runtime::Container& container) {
  if (!container.defined()) return {};  // told by who copies
  const auto conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return {};
  const auto* source = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  if (TRY(storage::find_store("overlay"))->snapshots_of(*source)) return {};
  return fail(
      Error::message(strings::cat("--tmpfs can't be used with a root file system of type ", source->traits().name), EOPNOTSUPP)
          .because("the changes are laid over a directory, and this root is none that is always there")
          .hint("leave out --tmpfs: the copy goes when it stops all the same")
          .set_by(conf.origin("lxc.rootfs.path")));
}

// A second operand is meant as the name by who knows cp(1).
std::string hint_for_name(const CopyOptions& options) {
  if (options.arguments.size() == 1) return strings::cat("-N ", options.arguments.front());
  return "with --ephemeral one is made up";
}

Status check(const CopyOptions& options) {
  if (options.rename) return check_rename(options);
  if (options.tmpfs) TRY(check_tmpfs(options));
  if (!options.ephemeral && (!options.mounts.empty() || options.foreground))
    return fail("--mount and --foreground are for a copy that is started: add --ephemeral");
  if (!options.ephemeral && options.new_name.empty() && options.new_path.empty())
    return fail(Error::message("the copy needs a name (--newname)").hint(hint_for_name(options)));
  return {};
}

runtime::CloneRequest request_of(const CopyOptions& options) {
  runtime::CloneRequest request;
  request.name = options.new_name;
  request.lxcpath = absolute_path(options.new_path);
  request.snapshot = options.snapshot;
  request.maybe_snapshot = options.maybe_snapshot || options.ephemeral;
  request.keep_name = options.keep_name;
  request.keep_hwaddr = options.keep_mac;
  request.allow_running = options.allow_running;
  request.bdev = options.bdev;
  request.specs.size = options.size;
  request.specs.fstype = options.fstype;
  if (!options.ephemeral) request.hook_arguments = options.arguments;
  return request;
}

Result<int> copy(CopyOptions& options) {
  TRY(check(options));
  const auto container = TRY(open_container(options));
  if (options.rename) {
    TRY(runtime::rename(container, options.new_name));
    return 0;
  }
  if (!options.ephemeral) {
    ProgressDisplay progress(options, options.progress);
    runtime::CloneRequest request = request_of(options);
    request.progress = &progress;
    TRY(runtime::clone(container, request));
    return 0;
  }
  EphemeralRequest request;
  request.clone = request_of(options);
  request.progress = options.progress;
  request.mounts = options.mounts;
  request.tmpfs = options.tmpfs;
  if (options.tmpfs) TRY(check_root_for_tmpfs(container));
  if (options.tmpfs) request.clone.bdev = "overlay";
  if (options.tmpfs) request.clone.snapshot = true;
  request.keep = options.keep_data;
  request.foreground = options.foreground;
  request.command = options.arguments;
  return run_ephemeral(options, container, request);
}

}  // namespace

int run_copy(int argc, char** argv) { return run_command<CopyOptions>(kCopy, argc, argv, copy); }

const Command kCopy = {"copy",
                       "--name=NAME [-N NEWNAME] [-p NEWPATH] [OPTION...] [-- hook options | COMMAND]",
                       "copy or rename a container, or start a copy",
                       "make a copy of the container NAME; with -e run it, or COMMAND in it; with -R only rename it",
                       kOptions,
                       run_copy};

}  // namespace berth::cli
