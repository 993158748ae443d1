// Runs in: the starting command.
// The interface keeps its index in the container: there it is looked for first at the end, whatever its name has become.
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#include "base/strings.hpp"
#include "network/kinds.hpp"
#include "network/requests.hpp"

namespace berth::network {
namespace {

constexpr std::size_t kIndexOffset = NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index);

// Under its own name: a refusal of a new one would come when it has moved already.
Act move_in(const Section& section, const os::LinkDetails& link) {
  Request request(RTM_NEWLINK, 0, ifinfomsg{});
  request.about("move").index_at(kIndexOffset, link.name);
  request.add_namespace(IFLA_NET_NS_FD, Side::kContainer);
  request.message().add_value(IFLA_NEW_IFINDEX, std::int32_t{link.index});
  return std::move(request).act(Side::kHost, strings::cat("moving ", link.name, " into the container"), link.name,
                                section.origin);
}

// The kernel moves radios by their own commands only; all interfaces of one go together. The index is kept as far as it is free,
// which it is in a new namespace.
Act move_radio_in(const Section& section, const std::string& radio) {
  return run_program({"sh", "-c", "exec iw phy \"$1\" set netns \"$LXC_PID\"", "sh", radio},
                     strings::cat("moving the radio ", radio, " of ", section.link, " into the container (iw)"), section.link,
                     section.origin);
}

Request change_inside_by_index(const os::LinkDetails& link) {
  ifinfomsg body{};
  body.ifi_index = link.index;
  return Request(RTM_NEWLINK, 0, body);
}

// What moves is down, and can be renamed. One of its other names becomes free first.
void rename_moved(const Section& section, const os::LinkDetails& link, Recipe& recipe) {
  if (section.name == link.name) return;
  if (std::ranges::find(link.other_names, section.name) != link.other_names.end()) {
    ifinfomsg body{};
    body.ifi_index = link.index;
    Request request(RTM_DELLINKPROP, 0, body);
    request.message().open(IFLA_PROP_LIST);
    request.message().add_text(IFLA_ALT_IFNAME, section.name);
    request.message().close();
    recipe.add(std::move(request).act(Side::kContainer, strings::cat("freeing the name ", section.name), section.name,
                                      section.origin_of("name")));
  }
  Request request = change_inside_by_index(link);
  request.about("name");
  request.message().add_text(IFLA_IFNAME, section.name);
  recipe.add(std::move(request).act(Side::kContainer, strings::cat("naming ", link.name, " ", section.name), section.name,
                                    section.origin_of("name")));
}

Result<Act> bring_home(const Section& section, const os::LinkDetails& link, bool wireless) {
  Act act;
  act.kind = Act::Kind::kBringHome;
  act.side = Side::kContainer;
  act.doing = strings::cat("bringing ", link.name, " back to the host");
  act.object = link.name;
  act.origin = section.origin;
  act.home = {link.name, TRY(random_name("back")), link.kind, link.other_names, link.index, wireless};
  return act;
}

// Of the interface that has just come home, whatever its name and index are now.
Request change_home(std::uint16_t type, std::uint16_t flags, unsigned link_flags = 0) {
  ifinfomsg body{};
  body.ifi_flags = link_flags;
  body.ifi_change = link_flags;
  Request request(type, flags, body);
  request.index_at(kIndexOffset, "");
  return request;
}

Act finish_home(Request request, std::string doing, const Section& section, const os::LinkDetails& link) {
  return std::move(request).act(Side::kHost, std::move(doing), link.name, section.origin);
}

Act restore_properties(const Section& section, const os::LinkDetails& link) {
  Request request = change_home(RTM_NEWLINK, 0);
  // Written also where the configuration leaves it alone: the container can have changed it.
  if (!link.hardware_address.empty()) request.message().add(IFLA_ADDRESS, link.hardware_address);
  request.message().add_value(IFLA_MTU, link.mtu);
  return finish_home(std::move(request), strings::cat("restoring the MTU and hardware address of ", link.name), section, link);
}

Act restore_master(const Section& section, const os::LinkDetails& link) {
  Request request = change_home(RTM_NEWLINK, 0);
  request.message().add_value(IFLA_MASTER, std::int32_t{link.master});
  return finish_home(std::move(request), strings::cat("giving ", link.name, " back to its bridge or bond"), section, link);
}

Act restore_alternative_name(const Section& section, const os::LinkDetails& link, const std::string& name) {
  Request request = change_home(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND);
  request.message().open(IFLA_PROP_LIST | NLA_F_NESTED);
  request.message().add_text(IFLA_ALT_IFNAME, name);
  request.message().close();
  Act act = finish_home(std::move(request), strings::cat("restoring the name ", name, " of ", link.name), section, link);
  act.forgiven = EEXIST;
  return act;
}

// What had the kernel's own hand (link-local and temporary addresses) comes back by itself.
bool is_ours_to_restore(const os::LinkAddress& address) { return address.scope != RT_SCOPE_LINK && !address.temporary; }

Act restore_address(const Section& section, const os::LinkDetails& link, const os::LinkAddress& known) {
  Request request(os::same_address_again(known));
  request.index_at(NLMSG_HDRLEN + offsetof(ifaddrmsg, ifa_index), "");
  const std::string text = strings::cat(known.text, '/', known.prefix_length);
  Act act = finish_home(std::move(request), strings::cat("giving ", link.name, " the address ", text, " again"), section, link);
  act.forgiven = EEXIST;
  return act;
}

Status come_home(const Section& section, const os::LinkDetails& link, const std::vector<os::LinkAddress>& addresses,
                 bool wireless, std::vector<Act>& undo) {
  undo.push_back(TRY(bring_home(section, link, wireless)));
  undo.push_back(restore_properties(section, link));
  for (const std::string& name : link.other_names) undo.push_back(restore_alternative_name(section, link, name));
  for (const os::LinkAddress& address : addresses) {
    if (is_ours_to_restore(address)) undo.push_back(restore_address(section, link, address));
  }
  if (link.master != 0) undo.push_back(restore_master(section, link));
  if (link.up)
    undo.push_back(finish_home(change_home(RTM_NEWLINK, 0, IFF_UP), strings::cat("setting ", link.name, " up"), section, link));
  return {};
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
  const std::string radio = TRY(host.radio_of(link.name));
  Entry& entry = recipe.add(radio.empty() ? move_in(section, link) : move_radio_in(section, radio));
  entry.outlives = true;
  TRY(come_home(section, link, TRY(host.addresses_of(link.index)), !radio.empty(), entry.undo));
  rename_moved(section, link, recipe);
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
