// Runs in: host commands.
#include "base/defer.hpp"
#include "cli/commands.hpp"
#include "cli/ephemeral.hpp"
#include "cli/mount_option.hpp"
#include "cli/report.hpp"
#include "cli/start_options.hpp"
#include "cli/units.hpp"
#include "runtime/clone.hpp"

namespace berth::cli {
namespace {

struct CopyOptions : Common {
  std::string new_name, new_path, bdev;
  std::uint64_t size = 0;
  bool rename = false, snapshot = false, maybe_snapshot = false, allow_running = false, foreground = false, ephemeral = false;
  bool keep_data = false, keep_name = false, keep_mac = false, tmpfs = false;
  std::vector<std::string> mounts;
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
     "With -e: what to mount into the copy, bind=/source[:/target][:ro|rw];\n"
     "several are joined by commas",
     add_mounts},
    {"backingstorage", 'B', Takes::kValue, "TYPE", "Storage type of the copy", set_text<&CopyOptions::bdev>},
    {"tmpfs", 't', Takes::kNothing, "", "With -e: keep the changes of the copy on a tmpfs", set_flag<&CopyOptions::tmpfs>},
    {"fssize", 'L', Takes::kValue, "SIZE[U]", "Size of a new block device, unit one of bBkKmMgGtT (default: M)", set_size},
    {"keepdata", 'D', Takes::kNothing, "", "With -e: keep the copy when it stops", set_flag<&CopyOptions::keep_data>},
    {"keepname", 'K', Takes::kNothing, "", "Keep the host name of the container", set_flag<&CopyOptions::keep_name>},
    {"keepmac", 'M', Takes::kNothing, "", "Keep the MAC addresses of the container", set_flag<&CopyOptions::keep_mac>},
};

Status check_rename(const CopyOptions& options) {
  if (options.new_name.empty()) return fail("--rename needs the new name (--newname)");
  if (options.ephemeral || options.snapshot || !options.bdev.empty() || options.size != 0)
    return fail("--rename only changes the name: it can't be used with -e, -s, -B or -L");
  if (!options.new_path.empty())
    return fail(Error::message("--rename stays in the container path: it can't be used with --newpath")
                    .hint("copy the container there, then destroy this one"));
  return {};
}

Status check(const CopyOptions& options) {
  if (options.rename) return check_rename(options);
  if (options.tmpfs)
    return fail(Error::message("--tmpfs needs the overlay store, which comes later", EOPNOTSUPP)
                    .hint("leave it out: the copy is a full one"));
  if (!options.ephemeral && (!options.mounts.empty() || options.foreground))
    return fail("--mount and --foreground are for a copy that is started: add --ephemeral");
  if (!options.ephemeral && options.new_name.empty() && options.new_path.empty())
    return fail(Error::message("the copy needs a name (--newname)").hint("with --ephemeral one is made up"));
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
  request.new_size = options.size;
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
    TRY(runtime::clone(container, request_of(options)));
    return 0;
  }
  EphemeralRequest request;
  request.clone = request_of(options);
  request.mounts = options.mounts;
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
