// Runs in: the starting command.
// The interface keeps its index in the container: there it is found again at the end, whatever its name has become.
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstddef>

#include "base/strings.hpp"
#include "network/kinds.hpp"
#include "network/requests.hpp"

namespace berth::network {
namespace {

constexpr std::size_t kIndexOffset = NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index);

Act move_in(const Section& section, const os::LinkDetails& link) {
  Request request(RTM_NEWLINK, 0, ifinfomsg{});
  request.about("move").index_at(kIndexOffset, section.link);
  request.add_namespace(IFLA_NET_NS_FD, Side::kContainer);
  request.message().add_text(IFLA_IFNAME, section.name);
  request.message().add_value(IFLA_NEW_IFINDEX, std::int32_t{link.index});
  return std::move(request).act(Side::kHost, strings::cat("moving ", section.link, " into the container as ", section.name),
                                section.link, section.origin);
}

// The kernel moves radios by their own commands only; all interfaces of one go together. The index is kept as far as it is free,
// which it is in a new namespace.
Act move_radio_in(const Section& section, const std::string& radio) {
  return run_program({"sh", "-c", "exec iw phy \"$1\" set netns \"$LXC_PID\"", "sh", radio},
                     strings::cat("moving the radio ", radio, " of ", section.link, " into the container (iw)"), section.link,
                     section.origin);
}

// It is the kernel that brings a radio home, at the end of the namespace, under the name that its interface has there.
Act rename_inside(const Section& section, const os::LinkDetails& link, const std::string& name) {
  ifinfomsg body{};
  body.ifi_index = link.index;
  body.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, 0, body);
  request.message().add_text(IFLA_IFNAME, name);
  return std::move(request).act(Side::kContainer, strings::cat("naming ", link.name, " ", name), link.name, section.origin);
}

void move_radio(const Section& section, const os::LinkDetails& link, const std::string& radio, Recipe& recipe) {
  Entry& entry = recipe.add(move_radio_in(section, radio));
  entry.outlives = true;
  entry.undo.push_back(rename_inside(section, link, link.name));
  if (section.name != link.name) recipe.add(rename_inside(section, link, section.name));
}

// Down, because only so it can be renamed on its way.
Act move_home(const Section& section, const os::LinkDetails& link) {
  ifinfomsg body{};
  body.ifi_index = link.index;
  body.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, 0, body);
  request.add_namespace(IFLA_NET_NS_FD, Side::kHost);
  request.message().add_text(IFLA_IFNAME, link.name);
  return std::move(request).act(Side::kContainer, strings::cat("moving ", link.name, " back to the host"), link.name,
                                section.origin);
}

// Should its name have been given away meanwhile it comes home under another one. ENODEV: it is home already.
Act move_home_anyhow(const Section& section, const os::LinkDetails& link) {
  ifinfomsg body{};
  body.ifi_index = link.index;
  body.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, 0, body);
  request.add_namespace(IFLA_NET_NS_FD, Side::kHost);
  request.message().add_text(IFLA_IFNAME, "dev%d");
  Act act = std::move(request).act(Side::kContainer, strings::cat("moving ", link.name, " back to the host under any name"),
                                   link.name, section.origin);
  act.forgiven = ENODEV;
  return act;
}

// At home it is told by its index, which it kept: its name may have been given away.
Act change_home(Request request, std::string_view doing, const Section& section, const os::LinkDetails& link) {
  return std::move(request).act(Side::kHost, strings::cat(doing, link.name), link.name, section.origin);
}

ifinfomsg at_home(const os::LinkDetails& link) {
  ifinfomsg body{};
  body.ifi_index = link.index;
  return body;
}

Act restore_properties(const Section& section, const os::LinkDetails& link) {
  Request request(RTM_NEWLINK, 0, at_home(link));
  // Written also where the configuration leaves it alone: the container can have changed it.
  if (!link.hardware_address.empty()) request.message().add(IFLA_ADDRESS, link.hardware_address);
  request.message().add_value(IFLA_MTU, link.mtu);
  return change_home(std::move(request), "restoring the MTU and hardware address of ", section, link);
}

Act restore_alternative_name(const Section& section, const os::LinkDetails& link, const std::string& name) {
  Request request(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, at_home(link));
  request.message().open(IFLA_PROP_LIST | NLA_F_NESTED);
  request.message().add_text(IFLA_ALT_IFNAME, name);
  request.message().close();
  Act act = change_home(std::move(request), strings::cat("restoring the name ", name, " of "), section, link);
  act.forgiven = EEXIST;
  return act;
}

Act raise_home(const Section& section, const os::LinkDetails& link) {
  ifinfomsg body = at_home(link);
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  return change_home(Request(RTM_NEWLINK, 0, body), "setting up ", section, link);
}

// What had the kernel's own hand (link-local addresses) comes back by itself.
bool is_ours_to_restore(const os::LinkAddress& address) { return address.scope != RT_SCOPE_LINK; }

void restore_addresses(const Section& section, const os::LinkDetails& link, const std::vector<os::LinkAddress>& addresses,
                       std::vector<Act>& undo) {
  for (const os::LinkAddress& known : addresses) {
    const auto address = parse_address(known.text);
    if (!address || !is_ours_to_restore(known)) continue;
    undo.push_back(add_address_at_home(link.index, link.name,
                                       {*address, known.prefix_length, parse_address(known.broadcast), section.origin}));
    undo.back().forgiven = EEXIST;
  }
}

void come_home(const Section& section, const os::LinkDetails& link, const std::vector<os::LinkAddress>& addresses,
               std::vector<Act>& undo) {
  undo.push_back(move_home(section, link));
  undo.push_back(move_home_anyhow(section, link));
  undo.push_back(restore_properties(section, link));
  for (const std::string& name : link.other_names) undo.push_back(restore_alternative_name(section, link, name));
  restore_addresses(section, link, addresses, undo);
  if (link.up) undo.push_back(raise_home(section, link));
}

// Only what was asked for changes; a moved interface is not a new one.
void change_inside(const Section& section, Recipe& recipe) {
  if (!section.hwaddr && !section.mtu) return;
  Request request(RTM_NEWLINK, 0, ifinfomsg{});
  request.index_at(kIndexOffset, section.name);
  if (section.hwaddr) request.message().add_value(IFLA_ADDRESS, *section.hwaddr);
  if (section.mtu) request.message().add_value(IFLA_MTU, *section.mtu);
  recipe.add(std::move(request).act(Side::kContainer, strings::cat("setting the hardware address and MTU of ", section.name),
                                    section.name, section.origin));
}

void move_wire(const Section& section, const os::LinkDetails& link, const std::vector<os::LinkAddress>& addresses,
               Recipe& recipe) {
  Entry& entry = recipe.add(move_in(section, link));
  entry.outlives = true;
  come_home(section, link, addresses, entry.undo);
}

}  // namespace

const Traits& Phys::traits() const {
  static constexpr Traits kTraits = {.type = "phys",
                                     .has_interface = true,
                                     .needs_link = true,
                                     .moves_link = true,
                                     .takes_auto_gateway = false,
                                     .draws_hwaddr = false};
  return kTraits;
}

Status Phys::plan(const Section& section, const Host& host, Recipe& recipe) const {
  const os::LinkDetails link = TRY(require_link(section, host));
  if (link.loopback) {
    return fail(Error::message(strings::cat("the loopback interface ", link.name, " can't leave the host"))
                    .set_by(section.origin_of("link"))
                    .hint("name another interface"));
  }
  const std::string radio = TRY(host.radio_of(section.link));
  if (radio.empty())
    move_wire(section, link, TRY(host.addresses_of(link.index)), recipe);
  else
    move_radio(section, link, radio, recipe);
  change_inside(section, recipe);
  return {};
}

const Traits& Empty::traits() const {
  static constexpr Traits kTraits = {.type = "empty",
                                     .has_interface = false,
                                     .needs_link = false,
                                     .moves_link = false,
                                     .takes_auto_gateway = false,
                                     .draws_hwaddr = false};
  return kTraits;
}

Status Empty::plan(const Section&, const Host&, Recipe&) const { return {}; }

}  // namespace berth::network
