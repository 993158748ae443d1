// Runs in: host commands.
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"
#include "cli/interruption.hpp"
#include "cli/report.hpp"
#include "cli/root_options.hpp"
#include "os/command.hpp"
#include "runtime/create.hpp"
#include "storage/progress.hpp"

namespace berth::cli {
namespace {

struct CreateOptions : Common {
  std::string config_file, template_name, bdev;
  storage::Specs specs;
};

constexpr auto kOptions = joined(
    std::to_array<Option>({
        {"config", 'f', Takes::kValue, "CONFIG", "Initial configuration file", set_text<&CreateOptions::config_file>},
        {"template", 't', Takes::kValue, "TEMPLATE", "Template to use to setup container\n(a name, an absolute path, or none)",
         set_text<&CreateOptions::template_name>},
        {"bdev", 'B', Takes::kValue, "BDEV",
         "Backing store of the root file system: btrfs, dir, loop, lvm, nbd, overlay,\nrbd, zfs, best (the first of btrfs, zfs, "
         "lvm, "
         "dir\nthat can be had) or none (default: dir)",
         set_text<&CreateOptions::bdev>},
    }),
    root_options<&CreateOptions::specs>(
        {.fstype = "Stores with a device: file system (default: ext4)",
         .fssize = "Size, or limit where there is one, unit one of bBkKmMgGtT\n(default of a device: 1G, default unit: M)"}));

Status check(const CreateOptions& options) {
  if (options.template_name.empty()) {
    return fail(Error::message("A template must be specified")
                    .hint("-t busybox makes a small system; -t none is for a container without a root file system"));
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

// The wish that it should end; nothing is shown.
class Cancellation final : public storage::Progress {
 public:
  [[nodiscard]] bool cancelled() const override { return interrupted(); }

 private:
  Interruption interruption_;
};

Result<int> create(CreateOptions& options) {
  TRY(check(options));
  const auto container = TRY(open_container(options));
  runtime::CreateRequest request;
  request.name = container.name();
  request.lxcpath = container.lxcpath();
  request.template_name = options.template_name;
  request.config_file = options.config_file;
  request.bdev = options.bdev;
  request.specs = options.specs;
  request.template_args = options.arguments;
  request.quiet = options.quiet;
  {
    Cancellation cancellation;
    request.progress = &cancellation;
    TRY(runtime::create(request));
  }
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
