// Changes and questions to a container while it runs: mounts, device nodes, network interfaces, control group files.
// Errors of all: the container does not run; the caller may not.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

struct LiveMount {
  std::string source;       // of the host
  std::string target;       // absolute, in the container; made when it is missing
  std::string type;         // empty = bind
  unsigned long flags = 0;  // MS_*
  std::string data;         // of the file system
};
// Nothing needs to be prepared in the configuration where the kernel can move mounts between namespaces.
Status inject_mount(const Container& container, const LiveMount& mount);
Status remove_mount(const Container& container, const std::string& target, unsigned long flags /* MNT_*, UMOUNT_* */);

// `source` is the host's node, absolute; `target` its place in the container, empty = the same path. Permitted in the device
// group too.
Status add_device_node(const Container& container, const std::string& source, const std::string& target);
Status remove_device_node(const Container& container, const std::string& source, const std::string& target);

// Moves an interface of the host into the container, under the name `inside` when that is not empty; and back, under the name
// `outside`, else the one that it had before attach_interface gave it another. Its other names go with it; a wireless one goes
// with its radio. A failure leaves it where and as it was.
Status attach_interface(const Container& container, const std::string& interface, const std::string& inside);
Status detach_interface(const Container& container, const std::string& inside, const std::string& outside);
// Names of the container's interfaces, the loopback included.
Result<std::vector<std::string>> list_interfaces(const Container& container);
// family: "inet", "inet6", empty = both; interface: empty = all but the loopback; scope: of IPv6 addresses (0 = global).
Result<std::vector<std::string>> list_addresses(const Container& container, const std::string& interface,
                                                const std::string& family, int scope);

// A file of the container's control group, "memory.current" or "cpu.shares"; names of cgroup v1 and v2 are both understood on
// either kind of host where a faithful translation exists. The text as the kernel gives it.
Result<std::string> read_cgroup_item(const Container& container, const std::string& file);
// devices.allow and devices.deny change the device rules on every host.
Status write_cgroup_item(const Container& container, const std::string& file, const std::string& value);

}  // namespace berth::runtime
