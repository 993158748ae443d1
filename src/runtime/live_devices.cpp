// Runs in: host commands and library callers.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "base/strings.hpp"
#include "os/id_map.hpp"
#include "runtime/device_rules.hpp"
#include "runtime/inside.hpp"
#include "runtime/live.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace berth::runtime {
namespace {

using child::Op;
using child::Phase;

struct Device {
  std::string source, place;
  struct ::stat about = {};
};

Result<Device> find_device(const std::string& source, const std::string& target) {
  Device device{source, target.empty() ? source : target};
  if (!device.place.starts_with('/')) {
    return fail(Error::message(strings::cat("the place '", device.place, "' is not an absolute path"))
                    .hint("name it as the container sees it, as in /dev/video0"));
  }
  device.about = TRY(sys::stat(source));
  if (S_ISCHR(device.about.st_mode) || S_ISBLK(device.about.st_mode)) return device;
  return fail(Error::message(strings::cat(source, " is not a device"), ENODEV));
}

cgroup::DeviceRule rule_of(const Device& device, bool allow) {
  cgroup::DeviceRule rule;
  rule.allow = allow;
  rule.block = S_ISBLK(device.about.st_mode);
  rule.major = major(device.about.st_rdev);
  rule.minor = minor(device.about.st_rdev);
  rule.access = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
  return rule;
}

// The host's id of what `id` is in the container; its root's where the map has none.
Result<std::uint32_t> host_id(const RunningInit& init, std::string_view map, std::uint32_t id) {
  const std::string text = TRY(sys::read_file(strings::cat("/proc/", init.process.pid(), '/', map)));
  const os::IdRanges ranges = TRY(os::parse_id_ranges(text));
  const auto found = ranges.to_host(id);
  if (found) return *found;
  return ranges.to_host(0).value_or(id);
}

plan::PlannedStep node_step(Op op, Phase phase, const Device& device) {
  plan::PlannedStep step;
  step.op = op;
  step.phase = phase;
  step.doing = strings::cat("making the device node ", device.place);
  step.text[0] = device.place;
  step.num[0] = static_cast<std::int64_t>(device.about.st_mode);
  // The kernel's own form for mknod(2): 12 bits of major, 20 of minor.
  const std::uint64_t number = device.about.st_rdev;
  step.num[1] = static_cast<std::int64_t>((minor(number) & 0xff) | major(number) << 8 | (minor(number) & ~0xffU) << 12);
  step.num[2] = device.about.st_uid;
  step.num[3] = device.about.st_gid;
  return step;
}

plan::PlannedStep attach_step(const Device& device) {
  plan::PlannedStep step;
  step.op = Op::kAttachTree;
  step.phase = Phase::kContainer;
  step.doing = strings::cat("putting the device node on ", device.place);
  step.text[0] = device.place;
  step.num[1] = child::kTargetCreateFile;
  return step;
}

// Only the first user namespace makes device nodes that open.
bool may_make_nodes() {
  const auto map = sys::read_file("/proc/self/uid_map");
  const auto ranges = map ? os::parse_id_ranges(*map) : Result<os::IdRanges>(fail("unreadable"));
  constexpr std::uint32_t kAll = 4294967295;
  return ranges && ranges->ranges() == std::vector<os::IdRange>{{0, 0, kAll}};
}

// A node in a file system that a user namespace has mounted does not open, and there no node can be made: one on a file system
// of its own is mounted, with the owner that the container knows. From within a user namespace it is the host's own node.
Status mount_node(const RunningInit& init, const Device& device) {
  if (!may_make_nodes()) {
    const Fd tree = TRY(sys::open_tree(AT_FDCWD, device.source, OPEN_TREE_CLONE));
    return change_inside(init, {attach_step(device)}, tree);
  }
  plan::PlannedStep node = node_step(Op::kNodeTree, Phase::kPrepare, device);
  node.num[2] = TRY(host_id(init, "uid_map", device.about.st_uid));
  node.num[3] = TRY(host_id(init, "gid_map", device.about.st_gid));
  return change_inside(init, {std::move(node), attach_step(device)});
}

Status make_node(const RunningInit& init, const Device& device) {
  if ((init.namespaces & CLONE_NEWUSER) != 0) return mount_node(init, device);
  Status made = change_inside(init, {node_step(Op::kReplaceNode, Phase::kContainer, device)});
  if (made || made.error().code() != EEXIST) return made;
  return fail(std::move(made.error()).because("what is there is not a device node, and is left alone"));
}

Status remove_node(const RunningInit& init, const std::string& place) {
  plan::PlannedStep step;
  step.op = Op::kRemoveNode;
  step.phase = Phase::kContainer;
  step.doing = strings::cat("removing the device node ", place);
  step.text[0] = place;
  Status removed = change_inside(init, {std::move(step)});
  if (removed || removed.error().code() != ENODEV) return removed;
  return fail(std::move(removed.error()).because("what is there is not a device node, and is left alone"));
}

// The rule first: what is at the place already is touched only when the node can be used. A node that fails takes along what
// its rule changed, and nothing that was permitted before.
Status add(const Container& container, const std::string& source, const std::string& target) {
  const Device device = TRY(find_device(source, target));
  const RunningInit init = TRY(find_running(container));
  const std::uint32_t permitted = TRY_CONTEXT(change_device_rule(container.client(), rule_of(device, true)),
                                              "permitting the device in the container's control group");
  Status made = make_node(init, device);
  if (made || permitted == 0) return made;
  cgroup::DeviceRule opposite = rule_of(device, false);
  opposite.access = permitted;
  [[maybe_unused]] const auto undone = change_device_rule(container.client(), opposite);
  return made;
}

Status remove(const Container& container, const std::string& source, const std::string& target) {
  const Device device = TRY(find_device(source, target));
  const RunningInit init = TRY(find_running(container));
  TRY(remove_node(init, device.place));
  TRY_CONTEXT(change_device_rule(container.client(), rule_of(device, false)),
              "forbidding the device in the container's control group");
  return {};
}

}  // namespace

Status add_device_node(const Container& container, const std::string& source, const std::string& target) {
  return with_context(add(container, source, target), strings::cat("cannot add the device ", source));
}

Status remove_device_node(const Container& container, const std::string& source, const std::string& target) {
  return with_context(remove(container, source, target), strings::cat("cannot remove the device ", source));
}

}  // namespace berth::runtime
