// Runs in: host commands.
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "os/command.hpp"
#include "runtime/create.hpp"

namespace berth::cli {
namespace {

struct CreateOptions : Common {
  std::string config_file, template_name, bdev, dir;
  // Of back ends that this release does not have; kept as text for the refusal.
  std::vector<std::string> unsupported;
};

template <char Which>
Status note_unsupported(Common& options, std::string_view) {
  constexpr const char* kNames[] = {"--lvname",  "--vgname",  "--thinpool", "--fstype", "--fssize",
                                    "--zfsroot", "--rbdname", "--rbdpool",  "--rbduser"};
  static_cast<CreateOptions&>(options).unsupported.emplace_back(kNames[static_cast<int>(Which)]);
  return {};
}

constexpr Option kOptions[] = {
    {"config", 'f', Takes::kValue, "CONFIG", "Initial configuration file", set_text<&CreateOptions::config_file>},
    {"template", 't', Takes::kValue, "TEMPLATE", "Template to use to setup container\n(a name, an absolute path, or none)",
     set_text<&CreateOptions::template_name>},
    {"bdev", 'B', Takes::kValue, "BDEV", "Backing store type to use", set_text<&CreateOptions::bdev>},
    {"dir", 0, Takes::kValue, "DIR", "Place rootfs directory under DIR", set_text<&CreateOptions::dir>},
    {"lvname", 0, Takes::kValue, "LVNAME", "LVM: name of the logical volume (default: container name)", note_unsupported<0>},
    {"vgname", 0, Takes::kValue, "VG", "LVM: volume group (default: lxc)", note_unsupported<1>},
    {"thinpool", 0, Takes::kValue, "TP", "LVM: thin pool (default: lxc)", note_unsupported<2>},
    {"fstype", 0, Takes::kValue, "TYPE", "LVM, loop, rbd: file system (default: ext4)", note_unsupported<3>},
    {"fssize", 0, Takes::kValue, "SIZE[U]", "LVM, loop, rbd: size, unit one of bBkKmMgGtT\n(default: 1G, default unit: M)",
     note_unsupported<4>},
    {"zfsroot", 0, Takes::kValue, "PATH", "ZFS: create under this dataset (default: lxc)", note_unsupported<5>},
    {"rbdname", 0, Takes::kValue, "NAME", "Ceph RBD: name of the image (default: container name)", note_unsupported<6>},
    {"rbdpool", 0, Takes::kValue, "POOL", "Ceph RBD: pool (default: lxc)", note_unsupported<7>},
    {"rbduser", 0, Takes::kValue, "USER", "Ceph RBD: user", note_unsupported<8>},
};

Status check(const CreateOptions& options) {
  if (options.template_name.empty()) {
    return fail(Error::message("A template must be specified")
                    .hint("-t busybox makes a small system; -t none is for a container without a root file system"));
  }
  if (!options.dir.empty() && !options.dir.starts_with('/')) return fail("--dir takes an absolute path");
  if (!options.dir.empty() && !options.bdev.empty() && options.bdev != "dir" && options.bdev != "none") {
    return fail("--dir can only be used with the backing store dir");
  }
  if (!options.unsupported.empty()) {
    return fail(
        Error::message(strings::cat(options.unsupported.front(), " belongs to a backing store that this release does not have"),
                       ENOTSUP)
            .hint("leave it out: the root file system becomes a directory"));
  }
  return {};
}

// The default configuration of a host may ask for what this release can't do, or for a bridge that nobody made yet: better told
// now than by the first start.
void tell_what_prevents_a_start(const Common& options, const runtime::Container& container) {
  const auto plan = container.plan({});
  if (plan || (plan.error().code() != ENOTSUP && plan.error().code() != ENODEV)) return;
  const Error& error = plan.error();
  const std::string by = error.origin().known() ? strings::cat(" (", error.origin().file, ':', error.origin().line, ')') : "";
  notice(options, strings::cat("made, but it can't be started as it is: ", error.contexts().front(), by, "; ", error.hint()));
}

Result<int> create(CreateOptions& options) {
  TRY(check(options));
  const auto container = TRY(open_container(options));
  runtime::CreateRequest request;
  request.name = container.name();
  request.lxcpath = container.lxcpath();
  request.template_name = options.template_name;
  request.config_file = options.config_file;
  request.bdev = options.bdev;
  request.dir = options.dir;
  request.template_args = options.arguments;
  request.quiet = options.quiet;
  TRY(runtime::create(request));
  tell_what_prevents_a_start(options, container);
  return 0;
}

// `lxc-create -t T -h` shows the template's own help after ours.
void template_help(const Common& options) {
  const std::string& name = static_cast<const CreateOptions&>(options).template_name;
  if (name.empty() || name == "none") return;
  const auto program = runtime::find_template(name);
  if (!program) return report(options, program.error());
  os::Command command;
  command.program = *program;
  command.arguments = {"-h"};
  command.environment = os::own_environment();
  command.inherit_output = true;
  if (const auto finished = os::run(command); !finished) report(options, finished.error());
}

}  // namespace

int run_create(int argc, char** argv) { return run_command<CreateOptions>(kCreate, argc, argv, create); }

const Command kCreate = {"create",
                         "--name=NAME --template=TEMPLATE [OPTION...] [-- template-options]",
                         "make a container",
                         "make the container NAME by a template",
                         kOptions,
                         run_create,
                         true,
                         true,
                         template_help};

}  // namespace berth::cli
