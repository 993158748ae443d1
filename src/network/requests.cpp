// Runs in: the starting command.
#include "network/requests.hpp"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <span>

#include "base/strings.hpp"
#include "sys/random.hpp"

namespace berth::network {
namespace {

// Where fields of the fixed structures are in a message.
constexpr std::size_t in_body(std::size_t offset) { return NLMSG_HDRLEN + offset; }

std::span<const std::byte> bytes_of(const Address& address) {
  return std::as_bytes(std::span(address.bytes)).first(address.size());
}

constexpr std::uint16_t kNew = NLM_F_CREATE | NLM_F_EXCL;

ifaddrmsg address_body(const Subnet& subnet) {
  ifaddrmsg body{};
  body.ifa_family = static_cast<std::uint8_t>(subnet.address.family);
  body.ifa_prefixlen = static_cast<std::uint8_t>(subnet.length);
  return body;
}

Act finish_address(Request request, Side side, const std::string& interface, const Subnet& subnet,
                   const std::optional<Address>& broadcast) {
  request.about("address");
  request.message().add(IFA_LOCAL, bytes_of(subnet.address));
  request.message().add(IFA_ADDRESS, bytes_of(subnet.address));
  if (broadcast) request.message().add(IFA_BROADCAST, bytes_of(*broadcast));
  const std::string text = strings::cat(subnet.address.text(), '/', subnet.length);
  return std::move(request).act(side, strings::cat("giving ", interface, " the address ", text), text, subnet.origin);
}

}  // namespace

Result<std::string> random_name(std::string_view prefix) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::array<std::uint8_t, 6> bytes{};
  TRY(sys::fill_random(std::as_writable_bytes(std::span(bytes))));
  std::string name(prefix);
  for (const std::uint8_t byte : bytes) name += kLetters[byte % kLetters.size()];
  return name;
}

Act rename_inside(const Section& section, const std::string& from) {
  Request request(RTM_NEWLINK, 0, ifinfomsg{});
  request.index_at(NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index), from);
  request.message().add_text(IFLA_IFNAME, section.name);
  return std::move(request).act(Side::kContainer, strings::cat("naming it ", section.name), section.name,
                                section.origin_of("name"));
}

Request new_link_inside(const Section& section, const std::string& name) {
  Request request(RTM_NEWLINK, kNew, ifinfomsg{});
  request.message().add_text(IFLA_IFNAME, name);
  if (section.hwaddr) request.message().add_value(IFLA_ADDRESS, *section.hwaddr);
  if (section.mtu) request.message().add_value(IFLA_MTU, *section.mtu);
  request.add_namespace(IFLA_NET_NS_FD, Side::kContainer);
  return request;
}

Act set_up(Side side, const std::string& interface, Origin origin) {
  ifinfomsg link{};
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, 0, link);
  request.about("up");
  request.message().add_text(IFLA_IFNAME, interface);
  return std::move(request).act(side, strings::cat("setting ", interface, " up"), interface, std::move(origin));
}

Act delete_link(const std::string& interface, Origin origin) {
  Request request(RTM_DELLINK, 0, ifinfomsg{});
  request.message().add_text(IFLA_IFNAME, interface);
  Act act = std::move(request).act(Side::kHost, strings::cat("removing ", interface), interface, std::move(origin));
  act.forgiven = ENODEV;
  return act;
}

Act add_address(const Section& section, const Subnet& subnet) {
  Request request(RTM_NEWADDR, kNew, address_body(subnet));
  request.index_at(in_body(offsetof(ifaddrmsg, ifa_index)), section.name);
  return finish_address(std::move(request), Side::kContainer, section.name, subnet, broadcast_of(subnet));
}

Act change_route(Side side, bool create, const Route& route, const std::string& interface, Origin origin) {
  rtmsg body{};
  body.rtm_family = static_cast<std::uint8_t>(route.destination.address.family);
  body.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length);
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = route.gateway == nullptr && body.rtm_family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  Request request(create ? RTM_NEWROUTE : RTM_DELROUTE, create ? kNew : 0, body);
  if (route.destination.length != 0) request.message().add(RTA_DST, bytes_of(route.destination.address));
  if (route.gateway != nullptr) request.message().add(RTA_GATEWAY, bytes_of(*route.gateway));
  request.about("route").add_index(RTA_OIF, interface);
  const std::string target = route.destination.length == 0
                                 ? std::string("default")
                                 : strings::cat(route.destination.address.text(), '/', route.destination.length);
  const std::string via = route.gateway == nullptr ? std::string() : strings::cat(" via ", route.gateway->text());
  const std::string text = strings::cat(target, via, " dev ", interface);
  Act act = std::move(request).act(side, strings::cat(create ? "adding the route " : "removing the route ", text), text,
                                   std::move(origin));
  if (!create) act.forgiven = ESRCH;
  return act;
}

Act change_proxy_neighbour(bool create, const Address& address, const std::string& interface, Origin origin) {
  ndmsg body{};
  body.ndm_family = static_cast<std::uint8_t>(address.family);
  body.ndm_flags = NTF_PROXY;
  body.ndm_state = NUD_PERMANENT;
  Request request(create ? RTM_NEWNEIGH : RTM_DELNEIGH, create ? std::uint16_t{NLM_F_CREATE | NLM_F_REPLACE} : std::uint16_t{0},
                  body);
  request.about("proxy").index_at(in_body(offsetof(ndmsg, ndm_ifindex)), interface);
  request.message().add(NDA_DST, bytes_of(address));
  const std::string text = strings::cat(address.text(), " on ", interface);
  Act act = std::move(request).act(Side::kHost, strings::cat(create ? "answering for " : "answering no more for ", text), text,
                                   std::move(origin));
  if (!create) act.forgiven = ENOENT;
  return act;
}

std::string sysctl_path(int family, const std::string& interface, std::string_view key) {
  return strings::cat("/proc/sys/net/", family == AF_INET ? "ipv4" : "ipv6", "/conf/", interface, '/', key);
}

}  // namespace berth::network
