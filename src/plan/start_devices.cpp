// Runs in: the starting command.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>

#include "base/strings.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"

namespace berth::plan {
namespace {

struct DeviceNode {
  std::string_view name;
  unsigned major, minor;
};

// What every program expects in /dev (documented for the Linux kernel in admin-guide/devices.txt).
constexpr auto kNodes = std::to_array<DeviceNode>({
    DeviceNode{"null", 1, 3},
    DeviceNode{"zero", 1, 5},
    DeviceNode{"full", 1, 7},
    DeviceNode{"random", 1, 8},
    DeviceNode{"urandom", 1, 9},
    DeviceNode{"tty", 5, 0},
});

struct DeviceLink {
  std::string_view name, target;
};

constexpr auto kLinks = std::to_array<DeviceLink>({
    DeviceLink{"fd", "/proc/self/fd"},
    DeviceLink{"stdin", "/proc/self/fd/0"},
    DeviceLink{"stdout", "/proc/self/fd/1"},
    DeviceLink{"stderr", "/proc/self/fd/2"},
});

std::uint32_t path_flags() {
  std::uint32_t flags = 0;
  if (!sys::has(sys::Feature::kNewMountApi) || !sys::has(sys::Feature::kMountSetattr)) flags |= child::kStepClassicMount;
  if (!sys::has(sys::Feature::kOpenat2)) flags |= child::kStepNoOpenat2;
  return flags;
}

bool own_devpts(const Builder& builder) { return builder.conf().dev.pty_max + builder.conf().dev.tty_max > 0; }

void plan_devpts(Builder& builder) {
  const config::DevConf& dev = builder.conf().dev;
  PlannedStep& step = builder.inside(child::Op::kDevpts, "mounting a devpts instance of its own");
  // One more than the configuration counts: the console's pty lives in the same instance.
  const std::string limit = strings::cat("max=", dev.pty_max + dev.tty_max + 1);
  step.text[0] = "newinstance,ptmxmode=0666,mode=0620,gid=5," + limit;
  step.text[1] = "newinstance,ptmxmode=0666,mode=0620," + limit;
  step.origin = builder.origin(dev.pty_max > 0 ? "lxc.pty.max" : "lxc.tty.max");
  step.flags = path_flags();
}

// The console's pty is the container's own where it has a devpts instance, else one of the host's.
bool console_on_host(const Builder& builder) {
  if (builder.plan.settings.console_path == "none") return false;
  return builder.has_root ? !own_devpts(builder) : builder.inputs.terminal;
}

void plan_console(Builder& builder) {
  const bool on_host = console_on_host(builder);
  if (builder.plan.settings.console_path == "none" || (!builder.has_root && !on_host)) return;
  PlannedStep& step = builder.inside(child::Op::kConsolePty, "setting up the console");
  const std::string& directory = builder.conf().dev.tty_dir;
  step.text[0] = builder.has_root ? "dev/console" : "";
  step.text[1] = builder.has_root && !directory.empty() ? "dev/" + directory + "/console" : "";
  step.num[0] = on_host ? std::int64_t{kSlotHostConsole} : child::kNoSlot;
  step.flags = path_flags();
  step.origin = builder.origin("lxc.console.path");
}

void plan_ttys(Builder& builder) {
  const config::DevConf& dev = builder.conf().dev;
  if (dev.tty_max == 0) return;
  PlannedStep& step = builder.inside(child::Op::kTtyPtys, "setting up the ttys");
  step.text[0] = dev.tty_dir.empty() ? "dev" : "dev/" + dev.tty_dir;
  step.num[0] = dev.tty_max;
  step.flags = path_flags();
  step.origin = builder.origin("lxc.tty.max");
}

}  // namespace

void plan_dev_directory(Builder& builder) {
  const config::DevConf& dev = builder.conf().dev;
  if (!builder.has_root || !dev.autodev) return;
  PlannedStep& step = builder.inside(child::Op::kMountFilesystem, "mounting a tmpfs on /dev");
  step.text[0] = "tmpfs";
  step.text[1] = "none";
  step.text[2] = "dev";
  step.text[3] = strings::cat("size=", dev.tmpfs_size, ",mode=755");
  step.num[1] = child::kTargetCreateDirectory;
  step.flags = path_flags();
  step.origin = builder.origin("lxc.autodev");
}

void plan_devices(Builder& builder) {
  if (!builder.has_root || !builder.conf().dev.autodev) return;
  for (const DeviceNode& node : kNodes) {
    PlannedStep& step = builder.inside(child::Op::kMakeNode, strings::cat("making /dev/", node.name));
    step.text[0] = strings::cat("dev/", node.name);
    step.text[1] = strings::cat("/dev/", node.name);
    step.num[0] = S_IFCHR | 0666;
    step.num[1] = static_cast<std::int64_t>(::makedev(node.major, node.minor));
    step.flags = path_flags();
    step.origin = builder.origin("lxc.autodev");
  }
  for (const DeviceLink& link : kLinks) {
    PlannedStep& step = builder.inside(child::Op::kMakeSymlink, strings::cat("linking /dev/", link.name));
    step.text[0] = link.target;
    step.text[1] = strings::cat("dev/", link.name);
    step.flags = path_flags();
  }
}

void plan_host_console(Builder& builder) {
  if (!console_on_host(builder)) return;
  PlannedStep& pty = builder.host(child::Op::kHostPty, "allocating the console");
  pty.num[0] = kSlotHostConsole;
  pty.flags = child::kStepOnReboot;
}

void plan_terminals(Builder& builder) {
  if (builder.has_root && own_devpts(builder)) plan_devpts(builder);
  plan_console(builder);
  if (!builder.has_root) return;
  plan_ttys(builder);
  const config::Conf& conf = builder.conf();
  if (conf.dev.autodev && conf.mounts.automatic.proc != config::AutoMode::kNone) {
    builder.inside(child::Op::kBootId, "giving the container a boot id of its own").flags = path_flags();
  }
}

}  // namespace berth::plan
