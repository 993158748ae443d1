// Runs in: host commands.
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "os/netlink.hpp"
#include "runtime/live.hpp"
#include "sys/process.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kForms = "lxc-device -n NAME add|del DEVICE [NAME-IN-THE-CONTAINER]";

struct Wanted {
  bool add;
  std::string device, other;  // `other`: its name where it goes, empty = the same
};

Result<Wanted> take_arguments(const std::vector<std::string>& words) {
  if (words.size() < 2) return fail(Error::message("an action and a device are needed").hint(kForms));
  if (words.size() > 3) return fail(Error::message(strings::cat("'", words[3], "' is one argument too many")).hint(kForms));
  if (words[0] != "add" && words[0] != "del")
    return fail(Error::message(strings::cat("'", words[0], "' is not an action")).hint("add or del"));
  return Wanted{words[0] == "add", words[1], words.size() > 2 ? words[2] : std::string()};
}

Result<bool> host_has_interface(const std::string& name) {
  if (name.empty() || name.starts_with('/')) return false;
  return TRY(TRY(os::Netlink::open()).find(name)).has_value();
}

// A path is a device node, and a name an interface.
Status add(const runtime::Container& container, const Wanted& wanted) {
  if (TRY(host_has_interface(wanted.device))) return runtime::attach_interface(container, wanted.device, wanted.other);
  if (wanted.device.starts_with('/')) return runtime::add_device_node(container, wanted.device, wanted.other);
  return fail(Error::message(strings::cat("this host has no network interface ", wanted.device), ENODEV)
                  .hint("device nodes are named by their path, as in /dev/video0"));
}

Status remove(const runtime::Container& container, const Wanted& wanted) {
  if (wanted.device.starts_with('/')) return runtime::remove_device_node(container, wanted.device, wanted.other);
  return runtime::detach_interface(container, wanted.device, wanted.other);
}

Result<int> device(Common& options) {
  const Wanted wanted = TRY(take_arguments(options.arguments));
  const auto container = TRY(existing_container(options));
  if (sys::effective_uid() != 0) {
    return fail(
        Error::message("devices can be moved by root only", EPERM).hint("run it as root, with -P for containers elsewhere"));
  }
  if (!TRY(container.client().reachable())) return fail(not_running(container));
  TRY(wanted.add ? add(container, wanted) : remove(container, wanted));
  return 0;
}

}  // namespace

int run_device(int argc, char** argv) { return run_command<Common>(kDevice, argc, argv, device); }

const Command kDevice = {"device",
                         "--name=NAME -- add|del DEVICE [OTHER-NAME]",
                         "add or remove a device of a running container",
                         "add to the container NAME, or remove from it, the device node DEVICE (a path) or the network\n"
                         "interface DEVICE; OTHER-NAME is its path or its name where it goes",
                         {},
                         run_device};

}  // namespace berth::cli
