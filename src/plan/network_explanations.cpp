// Runs in: the starting command, after a failure.
// Why the kernel refuses what a network asks for. Its own words, where it has any, stand beside these.
#include <errno.h>

#include <array>

#include "plan/explanations.hpp"

namespace berth::plan {
namespace {

struct Row {
  std::string_view subject;  // of the act; empty = any
  int code;
  std::string_view because;
  std::string_view hint;
};

constexpr auto kRows = std::to_array<Row>({
    Row{"veth", EEXIST, "an interface of that name is there already, on the host or inside",
        "set another lxc.net.N.veth.pair or lxc.net.N.name"},
    Row{"veth", EOPNOTSUPP, "the kernel makes no pairs of interfaces", "modprobe veth (CONFIG_VETH), or use another type"},
    Row{"veth", EADDRNOTAVAIL, "the hardware address is that of a group, or zero",
        "make the second digit of lxc.net.N.hwaddr an even one, as in 02:xx:xx:xx:xx:xx"},
    Row{"veth", EINVAL, "the kernel does not take the MTU, the name, or the number of queues",
        "keep lxc.net.N.mtu between 68 and 65535, and the names plain"},
    Row{"veth", ENODEV, "the bridge has gone since the start was planned", "make it again, then start again"},
    Row{"veth", EXFULL, "the bridge has as many ports as the kernel allows", "put some of the containers on a second bridge"},
    Row{"macvlan", EBUSY, "the link belongs to a bridge or has a passthru macvlan already, and takes no more",
        "name another lxc.net.N.link; on a bridge use type veth with the bridge as link"},
    Row{"macvlan", EINVAL, "this link takes no such macvlan: it is the loopback one, or passthru and there are others on it",
        "name another lxc.net.N.link, or another lxc.net.N.macvlan.mode; the kernel may need a moment after a container's end"},
    Row{"macvlan", EOPNOTSUPP, "the kernel makes no macvlan interfaces", "modprobe macvlan (CONFIG_MACVLAN), or use type veth"},
    Row{"macvlan", EADDRNOTAVAIL, "the hardware address is that of a group, or zero",
        "make the second digit of lxc.net.N.hwaddr an even one, as in 02:xx:xx:xx:xx:xx"},
    Row{"macvlan", EADDRINUSE, "another interface on the link has the hardware address", "set another lxc.net.N.hwaddr"},
    Row{"ipvlan", EBUSY, "the link belongs to a bridge or carries macvlan interfaces", "name another lxc.net.N.link"},
    Row{"ipvlan", EINVAL, "this link takes no ipvlan interface", "name an Ethernet interface of the host in lxc.net.N.link"},
    Row{"ipvlan", EOPNOTSUPP, "the kernel makes no ipvlan interfaces",
        "modprobe ipvlan (CONFIG_IPVLAN; l3s needs CONFIG_NETFILTER too), or use type macvlan"},
    Row{"vlan", EOPNOTSUPP, "the kernel makes no virtual LANs", "modprobe 8021q (CONFIG_VLAN_8021Q), or use another type"},
    Row{"vlan", EEXIST, "the link has an interface for that tag already",
        "set another lxc.net.N.vlan.id, or remove that interface"},
    Row{"virtual LAN", EOPNOTSUPP, "the kernel's bridges know no virtual LANs (CONFIG_BRIDGE_VLAN_FILTERING)",
        "remove lxc.net.N.veth.vlan.id and lxc.net.N.veth.vlan.tagged.id"},
    Row{"move", EINVAL, "the kernel does not let this interface leave its network namespace (bridges, tunnels and others stay)",
        "name a network card in lxc.net.N.link, or use veth on the bridge"},
    Row{"move", EBUSY, "the interface's number is taken inside", "start again"},
    Row{"move", ENODEV, "the interface has gone since the start was planned", "ip link shows those there are"},
    Row{"move", EEXIST, "one of the interface's names is taken inside", "set another lxc.net.N.name"},
    Row{"address", EEXIST, "the interface has this address already: two lines give the same", "remove one of them"},
    Row{"address", EADDRNOTAVAIL, "no interface can have this address: it is that of a group, or the loopback one",
        "correct the address"},
    Row{"address", EINVAL, "the kernel has no IPv6 on interfaces with an MTU below 1280",
        "set lxc.net.N.mtu to 1280 or more, or remove the IPv6 addresses"},
    Row{"address", EACCES, "IPv6 is switched off inside",
        "remove the IPv6 addresses, or lxc.sysctl.net.ipv6.conf.*.disable_ipv6"},
    Row{"address", EOPNOTSUPP, "the kernel does not know this family of addresses",
        "remove the address (IPv6 needs CONFIG_IPV6)"},
    Row{"route", EEXIST, "there is such a route already; of default gateways there is one for IPv4 and one for IPv6",
        "keep one of the lines lxc.net.N.ipv4.gateway (or ipv6.gateway), or of the routes; ip route shows those of the host"},
    Row{"route", EINVAL, "the destination has bits beyond its length, or the gateway is an address of the interface itself",
        "write the network's first address, as in 10.98.0.0/24; name the gateway's own address"},
    Row{"route", ENETUNREACH, "the gateway is not reached through this interface",
        "give the interface an address of the gateway's network"},
    Row{"route", EHOSTUNREACH, "the gateway is not reached through this interface",
        "give the interface an address of the gateway's network"},
    Row{"route", ENETDOWN, "the interface is down", "add lxc.net.N.flags = up; for one of the host: ip link set NAME up"},
    Row{"route", EACCES, "IPv6 is switched off on the interface", "remove the IPv6 gateway or route"},
    Row{"up", EADDRNOTAVAIL, "the interface has no usable hardware address", "set lxc.net.N.hwaddr"},
    Row{"up", EADDRINUSE, "another interface on the link has its hardware address", "set another lxc.net.N.hwaddr"},
    Row{"up", EBUSY, "another interface on the link has its hardware address", "set another lxc.net.N.hwaddr"},
    Row{"ifb", ENOENT, "the kernel lacks ifb, which a limit needs", "modprobe ifb, or remove the limit"},
    Row{"ifb", EOPNOTSUPP, "the kernel lacks ifb, which a limit needs", "modprobe ifb, or remove the limit"},
    Row{"bucket", ENOENT, "the kernel lacks sch_tbf, which a limit needs", "modprobe sch_tbf, or remove the limit"},
    Row{"bucket", EOPNOTSUPP, "the kernel lacks sch_tbf, which a limit needs", "modprobe sch_tbf, or remove the limit"},
    Row{"ingress", ENOENT, "the kernel lacks sch_ingress, which a limit needs", "modprobe sch_ingress, or remove the limit"},
    Row{"ingress", EOPNOTSUPP, "the kernel lacks sch_ingress, which a limit needs", "modprobe sch_ingress, or remove the limit"},
    Row{"redirection", ENOENT, "the kernel lacks cls_u32 or act_mirred, which a limit of what is sent needs",
        "modprobe -a cls_u32 act_mirred, or remove the limit"},
    Row{"redirection", EOPNOTSUPP, "the kernel lacks cls_u32 or act_mirred, which a limit of what is sent needs",
        "modprobe -a cls_u32 act_mirred, or remove the limit"},
    Row{"redirection", EINVAL, "the kernel lacks cls_u32 or act_mirred, which a limit of what is sent needs",
        "modprobe -a cls_u32 act_mirred, or remove the limit"},
    Row{"ifb", EEXIST, "the host has an interface of that name already", "set another lxc.net.N.veth.pair, or remove it"},
    Row{"", ENODEV, "the interface has gone since the start was planned", "start again"},
    Row{"", EPERM, "changing networks needs CAP_NET_ADMIN in the namespace of the host's end", "start it as root of the host"},
    Row{"", ENFILE, "the kernel's limit of interfaces or descriptors is reached", "stop some containers"},
    Row{"", ENOMEM, "the kernel has no memory left for it", "free some memory, then start again"},
});

}  // namespace

Explanation explain_network(const PlannedStep& step, const child::Failure& failure) {
  for (const Row& row : kRows) {
    if (row.code != failure.error || (!row.subject.empty() && row.subject != step.text[1])) continue;
    return {std::string(row.because), std::string(row.hint)};
  }
  return {};
}

}  // namespace berth::plan
