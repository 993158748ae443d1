// Runs in: the monitor, and its guardian.
#include "runtime/bring_home.hpp"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <string_view>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "os/netlink.hpp"
#include "runtime/radio.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

using os::Link;

struct Traveller {
  std::string name, kind, other_name;
  std::vector<std::string> alternative_names;
  int index = 0;
  bool wireless = false;
};

Traveller traveller_of(const child::BlobView& blob, const child::Step& step) {
  Traveller traveller{blob.text(step.text[0]),       blob.text(step.text[1]), blob.text(step.text[2]), {},
                      static_cast<int>(step.num[2]), step.num[3] == 1};
  const child::StringList names = blob.list(step.list[0]);
  for (std::uint32_t i = 0; i < names.size(); ++i) traveller.alternative_names.emplace_back(names[i]);
  return traveller;
}

Result<os::Netlink> socket_of(std::int64_t slot, const HostContext& context) {
  if (slot < 0 || slot >= std::int64_t{child::kSlots}) return fail(Error::from_errno(EBADMSG, "step", "network slots"));
  return os::Netlink::adopt(TRY(sys::duplicate(context.slots[slot].get())));
}

// Hardware has no kind, and a container can make none that has none.
const Link* find(const std::vector<Link>& links, const Traveller& traveller) {
  const auto same_kind = [&](const Link& link) { return link.kind == traveller.kind && !link.loopback; };
  for (const Link& link : links) {
    if (link.index == traveller.index && same_kind(link)) return &link;
  }
  if (!traveller.kind.empty() || std::ranges::count_if(links, same_kind) != 1) return nullptr;
  return &*std::ranges::find_if(links, same_kind);
}

Status drop_foreign_names(os::Netlink& there, const Link& link, const Traveller& traveller) {
  for (const std::string& name : link.other_names) {
    if (std::ranges::find(traveller.alternative_names, name) != traveller.alternative_names.end()) continue;
    ifinfomsg body{};
    body.ifi_index = link.index;
    os::NetlinkMessage message(RTM_DELLINKPROP, 0, body);
    message.open(IFLA_PROP_LIST);
    message.add_text(IFLA_ALT_IFNAME, name);
    message.close();
    TRY(there.request(message, "netlink remove name", name));
  }
  return {};
}

Status rename(os::Netlink& there, const Link& link, const std::string& name) {
  if (link.name == name) return {};
  ifinfomsg body{};
  body.ifi_index = link.index;
  os::NetlinkMessage message(RTM_NEWLINK, 0, body);
  message.add_text(IFLA_IFNAME, name);
  return there.request(message, "netlink rename", name);
}

// Its own name, unless that was given away.
Result<std::string> name_at_home(os::Netlink& home, const Link& link, const Traveller& traveller) {
  const Status renamed = rename(home, link, traveller.name);
  if (renamed) return traveller.name;
  if (renamed.error().code() != EEXIST) return fail(renamed.error());
  log::write(log::Level::kError, "network",
             strings::cat(traveller.name, " has come home as ", link.name, ", as its name was given away"));
  return link.name;
}

// A move can't be refused halfway under a name that nobody has; its own one comes afterwards.
Result<std::string> move_wire(os::Netlink& there, const Link& link, const Traveller& traveller) {
  const Fd network = TRY(sys::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  TRY(there.move(link.index, network.get(), traveller.other_name));
  os::Netlink home = TRY(os::Netlink::open());
  const auto moved = TRY(home.find(traveller.other_name));
  if (!moved) return fail(Error::from_errno(ENODEV, "netlink", traveller.other_name));
  return name_at_home(home, *moved, traveller);
}

Result<std::string> move_radio(os::Netlink& there, const Link& link, const Traveller& traveller, int network) {
  TRY(rename(there, link, traveller.name));
  const Radios radios;
  const auto radio = TRY(radios.radio_of(network, traveller.name));
  if (!radio) return fail(Error::from_errno(ENODEV, "iw", traveller.name));
  TRY(radios.move(network, *radio, sys::current_pid()));
  return traveller.name;
}

// When whoever brought it was killed in between: there already, under one of the two names.
Status find_at_home(const Traveller& traveller, HostContext& context) {
  os::Netlink home = TRY(os::Netlink::open());
  if (const auto on_its_way = TRY(home.find(traveller.other_name))) {
    context.brought_home = TRY(name_at_home(home, *on_its_way, traveller));
    return {};
  }
  const auto there = TRY(home.find(traveller.name));
  if (!there || there->kind != traveller.kind || there->index != traveller.index)
    return fail(Error::from_errno(ENODEV, "netlink", traveller.name));
  context.brought_home = traveller.name;
  return {};
}

}  // namespace

Status bring_home(const child::BlobView& blob, const child::Step& step, HostContext& context) {
  context.brought_home.clear();
  const Traveller traveller = traveller_of(blob, step);
  os::Netlink there = TRY(socket_of(step.num[1], context));
  const std::vector<Link> links = TRY(there.links());
  const Link* link = find(links, traveller);
  if (link == nullptr) return find_at_home(traveller, context);
  TRY(drop_foreign_names(there, *link, traveller));
  TRY(there.lower(link->index));
  if (step.num[0] < 0 || step.num[0] >= std::int64_t{child::kSlots})
    return fail(Error::from_errno(EBADMSG, "step", "network slots"));
  context.brought_home = traveller.wireless ? TRY(move_radio(there, *link, traveller, context.slots[step.num[0]].get()))
                                            : TRY(move_wire(there, *link, traveller));
  return {};
}

Status clear_network(const child::Step& step, const HostContext& context) {
  os::Netlink there = TRY(socket_of(step.num[0], context));
  for (const Link& link : TRY(there.links())) {
    if (link.kind != "macvlan" && link.kind != "ipvlan" && link.kind != "vlan") continue;
    ifinfomsg body{};
    body.ifi_index = link.index;
    os::NetlinkMessage message(RTM_DELLINK, 0, body);
    const Status removed = there.request(message, "netlink remove", link.name);
    if (!removed && removed.error().code() != ENODEV) return removed;  // it can have gone with another
  }
  return {};
}

}  // namespace berth::runtime
