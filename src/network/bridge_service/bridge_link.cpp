// Runs in: lxc-net.
#include "network/bridge_service/bridge_link.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/strings.hpp"

namespace berth::network::bridge_service {

Result<BridgeLinks> BridgeLinks::open() { return BridgeLinks(TRY(os::Netlink::open())); }

Result<std::optional<BridgeView>> BridgeLinks::find(const std::string& name) {
  const auto links = TRY(netlink_.links());
  std::optional<BridgeView> view;
  for (const os::Link& link : links) {
    if (link.name == name) view = BridgeView{link, {}};
  }
  if (!view) return view;
  if (view->link.kind != "bridge") {
    return fail(Error::message(strings::cat("the interface ", name, " is no bridge"), EEXIST)
                    .because(view->link.kind.empty() ? std::string("it is hardware, or has no kind")
                                                     : strings::cat("it is of kind ", view->link.kind))
                    .hint("set LXC_BRIDGE to a name that is free"));
  }
  for (const os::Link& link : links) {
    if (link.master == view->link.index) view->ports.push_back(link.name);
  }
  return view;
}

Status BridgeLinks::make(const std::string& name, const HardwareAddress& address) {
  os::NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  message.add_text(IFLA_IFNAME, name);
  message.add_value(IFLA_ADDRESS, address);
  message.open(IFLA_LINKINFO);
  message.add_text(IFLA_INFO_KIND, "bridge");
  message.close();
  return netlink_.request(message, "netlink add bridge", name);
}

Status BridgeLinks::remove(int index, const std::string& name) {
  ifinfomsg link{};
  link.ifi_index = index;
  os::NetlinkMessage message(RTM_DELLINK, 0, link);
  return netlink_.request(message, "netlink remove bridge", name);
}

Status BridgeLinks::add_address(int index, const std::string& address) { return change_address(index, address, true); }
Status BridgeLinks::remove_address(int index, const std::string& address) { return change_address(index, address, false); }

Status BridgeLinks::change_address(int index, const std::string& address, bool add) {
  const auto v4 = parse_subnet4(address);
  const auto v6 = parse_subnet6(address);
  if (!v4 && !v6) return fail(Error::from_errno(EINVAL, "netlink address", address));
  ifaddrmsg body{};
  body.ifa_family = v4 ? AF_INET : AF_INET6;
  body.ifa_prefixlen = static_cast<std::uint8_t>(v4 ? v4->length : v6->length);
  body.ifa_index = static_cast<unsigned>(index);
  // Nobody else has it, and while no port is up the kernel could not find out: it would stay tentative, and nobody could bind to
  // it.
  if (v6 && add) body.ifa_flags = IFA_F_NODAD;
  os::NetlinkMessage message(add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0, body);
  if (v4) {
    message.add_value(IFA_LOCAL, v4->base);
    message.add_value(IFA_ADDRESS, v4->base);
    const ip::Version4 broadcast = Subnet4::around(v4->base, v4->length).last();
    if (add) message.add_value(IFA_BROADCAST, broadcast);
  } else {
    message.add_value(IFA_LOCAL, v6->base);
    message.add_value(IFA_ADDRESS, v6->base);
  }
  return netlink_.request(message, add ? "netlink add address" : "netlink remove address", address);
}

}  // namespace berth::network::bridge_service
