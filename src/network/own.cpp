// Runs in: the starting command.
#include "network/own.hpp"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/strings.hpp"
#include "network/address_use.hpp"
#include "network/automatic.hpp"
#include "network/kinds.hpp"
#include "network/requests.hpp"
#include "network/shaping.hpp"
#include "os/rundir.hpp"
#include "sys/file.hpp"

namespace berth::network {
namespace {

constexpr std::uint32_t kUsualMtu = 1500;

bool is_bridged(const Section& section) { return section.type == "veth" && section.mode == "bridge" && !section.link.empty(); }

const Address* first_address(const Section& section, int family) {
  for (const Subnet& subnet : section.addresses) {
    if (subnet.address.family == family) return &subnet.address;
  }
  return nullptr;
}

int family_of(std::string_view address) { return address.find(':') == std::string_view::npos ? AF_INET : AF_INET6; }

Error no_target(const Section& section, const PublishedPorts& ports) {
  const bool version6 = !ports.host_address.empty() && family_of(ports.host_address) == AF_INET6;
  const std::string_view version = ports.host_address.empty() ? "" : version6 ? "IPv6 " : "IPv4 ";
  return Error::message(
             strings::cat("a port can't be published: lxc.net.", section.index, " has no ", version, "address that berth knows"))
      .set_by(ports.origin)
      .hint(strings::cat("add lxc.net.", section.index, version6 ? ".ipv6" : ".ipv4",
                         ".address = auto, or write the container's address there"));
}

Status check_publishable(const Section& section, const PublishedPorts& ports) {
  if (ports.host_address == "::1") {
    return fail(
        Error::message("a port of ::1 can't be published: the kernel drops answers that come back to it from another interface")
            .set_by(ports.origin)
            .hint("publish one of 127.0.0.1, or an address of an interface"));
  }
  if (is_bridged(section)) return {};
  return fail(Error::message(strings::cat("ports are published by way of a bridge, and lxc.net.", section.index, " is on none"))
                  .set_by(ports.origin)
                  .hint(strings::cat("set lxc.net.", section.index, ".link to a bridge, and veth.mode to bridge")));
}

void warn_of_missing_gateway(const Section& section, const std::vector<Publication>& published, Recipe& recipe) {
  const auto lacks = [&](const Publication& one) {
    const Gateway& gateway = one.version6() ? section.gateway6 : section.gateway4;
    return gateway.kind == Gateway::Kind::kNone && !one.host.starts_with("127.");
  };
  if (std::ranges::none_of(published, lacks)) return;
  const auto first = std::ranges::find_if(published, lacks);
  recipe.warnings.push_back(strings::cat("lxc.net.", section.index, " publishes ", describe_host_side(*first),
                                         " and has no gateway: other machines get no answer (lxc.net.", section.index,
                                         first->version6() ? ".ipv6" : ".ipv4", ".gateway = auto)"));
}

std::vector<std::string> helper_words(const Section& section, const Owner& owner, std::string_view verb) {
  return {owner.helper, std::string(verb), section.link, owner.container, strings::cat(section.index)};
}

// Frames that the host has sent back at the bridge (br_netfilter) may go out where they came from: the container reaches its own
// published port too.
Act allow_hairpin(const std::string& host_end, const Origin& origin) {
  ifinfomsg body{};
  body.ifi_family = AF_BRIDGE;
  Request request(RTM_SETLINK, 0, body);
  request.index_at(NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index), host_end);
  request.message().open(IFLA_PROTINFO);
  request.message().add_value(IFLA_BRPORT_MODE, std::uint8_t{1});
  request.message().close();
  return std::move(request).act(Side::kHost, strings::cat("letting ", host_end, " reach its own published ports"), host_end,
                                origin);
}

Status add_publications(const Section& section, const os::LinkDetails& link, const Owner& owner, Recipe& recipe) {
  if (section.published.empty()) return {};
  const auto published = TRY(publications_of(section));
  warn_of_missing_gateway(section, published, recipe);
  const Origin& origin = section.origin_of("publish");
  if (link.kind == "bridge") recipe.add(allow_hairpin(recipe.host_end, origin));
  auto words = helper_words(section, owner, "publish"), back = helper_words(section, owner, "unpublish");
  // The end of one run of the container may come after the beginning of the next.
  for (const std::string run = TRY(random_name("")); auto* of : {&words, &back}) of->push_back(run);
  for (const Publication& one : published) words.push_back(format_publication(one));
  Entry& entry = recipe.add(run_program(std::move(words), "publishing ports", section.link, origin));
  entry.undo.push_back(run_program(std::move(back), "taking published ports back", section.link, origin));
  entry.outlives = true;
  return {};
}

// Those that stay the container's while it is stopped.
std::vector<std::string> kept_addresses(const Section& section) {
  std::vector<std::string> kept;
  for (const int family : {AF_INET, AF_INET6}) {
    const bool automatic = (family == AF_INET ? section.automatic4 : section.automatic6).has_value();
    if (const Address* address = first_address(section, family); automatic && address != nullptr) kept.push_back(address->text());
  }
  return kept;
}

bool has_dnsmasq(const std::string& bridge) {
  const auto run = os::run_directory();
  return run && sys::exists(strings::cat(*run, "/lxc/net/", bridge, "/names"));
}

void add_announcement(const Section& section, const Owner& owner, Recipe& recipe) {
  if (section.addresses.empty() || !has_dnsmasq(section.link)) return;
  auto words = helper_words(section, owner, "announce"), back = helper_words(section, owner, "withdraw");
  for (const Subnet& subnet : section.addresses) words.push_back(subnet.address.text());
  for (std::string& address : kept_addresses(section)) back.push_back(std::move(address));
  const Origin& origin = section.addresses.front().origin;
  Entry& entry =
      recipe.add(run_program(std::move(words), strings::cat("telling the name server of ", section.link), section.link, origin));
  entry.undo.push_back(
      run_program(std::move(back), strings::cat("taking the name off the name server of ", section.link), section.link, origin));
  entry.outlives = true;
}

// On the host's end of the pair: who has which addresses of the bridge.
void add_note(const Section& section, const Owner& owner, Recipe& recipe) {
  AddressNote note{owner.container, {}};
  for (const Subnet& subnet : section.addresses) note.addresses.push_back(subnet.address.text());
  const std::string text = format_address_note(note);
  if (text.empty() || recipe.host_end.empty()) return;
  const Origin& origin = section.addresses.front().origin;
  Request request(RTM_SETLINK, 0, ifinfomsg{});
  request.index_at(NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index), recipe.host_end);
  request.message().add(IFLA_IFALIAS, std::as_bytes(std::span(text)));
  Act act =
      std::move(request).act(Side::kHost, strings::cat("noting the addresses on ", recipe.host_end), recipe.host_end, origin);
  act.may_fail = true;
  recipe.add(std::move(act));
}

}  // namespace

bool needs_helper(const Section& section) {
  return !section.published.empty() || (is_bridged(section) && !section.addresses.empty());
}

Result<std::vector<Publication>> publications_of(const Section& section) {
  std::vector<Publication> published;
  for (const PublishedPorts& ports : section.published) {
    TRY(check_publishable(section, ports));
    const std::size_t before = published.size();
    for (const int family : {AF_INET, AF_INET6}) {
      const Address* target = first_address(section, family);
      if (target == nullptr || (!ports.host_address.empty() && family_of(ports.host_address) != family)) continue;
      const bool any = ports.host_address == "0.0.0.0" || ports.host_address == "::";
      published.push_back({ports.udp, any ? std::string() : ports.host_address, ports.host_first, ports.count, target->text(),
                           ports.container_first});
    }
    if (published.size() == before) return fail(no_target(section, ports));
  }
  return published;
}

Result<std::vector<std::string>> name_servers_of(const Section& section, const Host& host) {
  if (!section.dns_of_bridge) return section.name_servers;
  const Origin& origin = section.origin_of("dns");
  if (section.link.empty()) {
    return fail(Error::message("the automatic name server is an address of the link, and there is no link")
                    .set_by(origin)
                    .hint(strings::cat("add lxc.net.", section.index, ".link, or name the server's address")));
  }
  auto address = address_of_bridge(section, host, AF_INET, origin);
  if (!address) address = address_of_bridge(section, host, AF_INET6, origin);
  if (!address) return fail(std::move(address.error()));
  return std::vector<std::string>{address->text};
}

Status plan_own(const Section& section, const Host& host, const Owner& owner, Recipe& recipe) {
  for (const PublishedPorts& ports : section.published) TRY(check_publishable(section, ports));
  const bool limited = section.ingress_limit != 0 || section.egress_limit != 0;
  os::LinkDetails link;
  if (is_bridged(section) && (limited || !section.published.empty())) link = TRY(require_link(section, host));
  if (limited) TRY(add_limits(section, recipe.host_end, section.mtu.value_or(link.mtu != 0 ? link.mtu : kUsualMtu), recipe));
  TRY(add_publications(section, link, owner, recipe));
  if (is_bridged(section)) add_note(section, owner, recipe);
  if (is_bridged(section)) add_announcement(section, owner, recipe);
  return {};
}

}  // namespace berth::network
