// Runs in: lxc-net.
// The part of BridgeService that takes changes back.
#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "network/bridge_service/clashes.hpp"
#include "network/bridge_service/service.hpp"
#include "network/names.hpp"
#include "sys/file.hpp"

namespace berth::network::bridge_service {
namespace {

using Kind = Change::Kind;

// Interfaces of these kinds, while they are up, are what hosts forward for. Hardware is not among them: a host that was made a
// router of networks forwarded before the bridge was there, or gets it by its own settings.
constexpr auto kForwarded = std::to_array<std::string_view>(
    {"bridge", "wireguard", "tun",    "openvswitch", "macvlan", "macvtap", "ipvlan", "ipvtap", "veth",
     "vlan",   "vxlan",     "geneve", "ipip",        "sit",     "gre",     "gretap", "ip6gre", "ip6gretap",
     "ip6tnl", "vti",       "vti6",   "xfrm",        "l2tpeth", "ppp",     "vrf",    "netkit"});

// The way out of a host is no network of its own, whatever it is made of.
bool leads_out(const std::string& name, const std::vector<Route4>& routes4, const std::vector<Route6>& routes6) {
  const auto is_default = [&](const auto& route) { return route.network.length == 0 && route.interface == name; };
  return std::ranges::any_of(routes4, is_default) || std::ranges::any_of(routes6, is_default);
}

bool is_forwarding(const std::string& path) {
  return path == "net/ipv4/ip_forward" || path.find("/accept_redirects") != std::string::npos || path.ends_with("/forwarding") ||
         path.ends_with("/accept_ra");
}

// What is gone already needs no undoing.
Status unless_gone(Status done) {
  if (done) return done;
  const int code = done.error().code();
  return code == ENODEV || code == EADDRNOTAVAIL || code == ENOENT ? Status{} : done;
}

// Who was killed while it wrote leaves what was to replace a file: the journal, or a container's name.
Status remove_unfinished(const std::string& directory) {
  const auto entries = sys::list_directory(directory);
  if (!entries) return {};
  for (const auto& entry : *entries) {
    if (entry.name.starts_with("state.") || entry.name.starts_with('.'))
      TRY(unless_gone(sys::unlink(strings::cat(directory, '/', entry.name))));
  }
  return {};
}

}  // namespace

// The last change first. One that can't be taken back stays in the journal, for the next try, and does not keep the others.
Status BridgeService::undo(Undoing why) {
  Status first;
  const auto remember = [&first](Status done) {
    if (!done && first) first = std::move(done);
  };
  std::vector<Change> kept;
  const std::vector<Change> changes = journal_.changes;
  const auto restore = [&] {
    Status done = undo_settings(why);
    for (const Change& change : changes) {
      if (change.kind == Kind::kSetting && (!done || stays(change, why))) kept.push_back(change);
    }
    remember(std::move(done));
  };
  journal_.complete = false;
  // No reason to stop where the disk is full: at the end what is left is saved again, or nothing is.
  [[maybe_unused]] const Status marked = save();
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (change->kind == Kind::kSetting) continue;
    bool keeps = false;
    Status done = undo_change(*change, keeps);
    if (keeps || !done) kept.insert(kept.begin(), *change);
    remember(std::move(done));
    // Settings go back when nothing translates any more, and before the bridge is gone: some are its own.
    if (change->kind == Kind::kFilter) restore();
  }
  if (!has_recorded(Kind::kFilter)) restore();
  journal_.changes = std::move(kept);
  if (journal_.changes.empty()) {
    remember(remove_directories());
  } else {
    remember(save());
  }
  return first;
}

// A host that forwards for others as well must not stop doing so for a moment.
bool BridgeService::stays(const Change& change, Undoing why) const {
  return why == Undoing::kRestart && (settings_.ipv6 || !change.first.starts_with("net/ipv6/"));
}

Status BridgeService::undo_settings(Undoing why) {
  std::vector<SettingChange> changes;
  for (const Change& change : journal_.changes) {
    if (change.kind == Kind::kSetting && !stays(change, why)) changes.push_back({change.first, change.second, change.third});
  }
  // What we made is deaf for as long as it is there, which may be longer: while containers are on it.
  const std::string own = strings::cat("/conf/", settings_.bridge, '/');
  if (has_recorded(Kind::kBridge))
    std::erase_if(changes, [&](const SettingChange& change) { return change.path.find(own) != std::string::npos; });
  const bool forwards = std::ranges::any_of(changes, [](const SettingChange& change) { return is_forwarding(change.path); });
  if (why != Undoing::kFailure && forwards) {
    if (const auto other = TRY(other_user_of_forwarding())) {
      std::erase_if(changes, [&](const SettingChange& change) {
        return is_forwarding(change.path) && change.path.find(own) == std::string::npos;
      });
      report_.notes.push_back(strings::cat("this host goes on forwarding: ", *other, " may need it"));
    }
  }
  return restore_settings(changes);
}

Result<std::optional<std::string>> BridgeService::other_user_of_forwarding() {
  const auto links = TRY(TRY(BridgeLinks::open()).all());
  const auto own = std::ranges::find(links, settings_.bridge, &os::Link::name);
  const auto routes4 = TRY(host_routes4());
  const auto routes6 = TRY(host_routes6());
  for (const os::Link& link : links) {
    const bool port = own != links.end() && link.master == own->index;
    if (link.name == settings_.bridge || port || !link.up || leads_out(link.name, routes4, routes6)) continue;
    if (std::ranges::find(kForwarded, link.kind) != kForwarded.end()) return std::optional(link.name);
  }
  return std::optional<std::string>();
}

Status BridgeService::undo_change(const Change& change, bool& keeps) {
  switch (change.kind) {
    case Kind::kFlagFile:
      return unless_gone(sys::unlink(change.first));
    case Kind::kResolver:
      return resolver_.stop();
    case Kind::kFilter: {
      const FilterKind kind = change.first == filter_name(FilterKind::kNft) ? FilterKind::kNft : FilterKind::kIptables;
      if (TRY(PacketFilter(kind, settings_.bridge).stop()))
        report_.notes.push_back(
            strings::cat("the table inet ", nft_table(settings_.bridge), " stays: it publishes ports of containers that run"));
      return {};
    }
    case Kind::kAddress:
      return undo_address(change);
    case Kind::kBridge:
      return undo_bridge(change, keeps);
    case Kind::kRaised:
      if (const auto view = TRY(TRY(BridgeLinks::open()).find(settings_.bridge)); view && view->ports.empty())
        return TRY(BridgeLinks::open()).lower(view->link.index);
      return {};
    case Kind::kSetting:
      break;
  }
  return {};
}

Status BridgeService::undo_address(const Change& change) {
  BridgeLinks links = TRY(BridgeLinks::open());
  const auto view = TRY(links.find(settings_.bridge));
  if (!view) return {};
  return unless_gone(links.remove_address(view->link.index, change.first));
}

Status BridgeService::undo_bridge(const Change& change, bool& keeps) {
  BridgeLinks links = TRY(BridgeLinks::open());
  const auto view = TRY(links.find(change.first));
  if (!view) return {};
  if (view->ports.empty()) return unless_gone(links.remove(view->link.index, change.first));
  keeps = true;
  report_.notes.push_back(strings::cat("the bridge ", change.first, " stays: ", strings::join(view->ports, ", "),
                                       view->ports.size() == 1 ? " is" : " are", " on it"));
  return {};
}

// What is ours of the run directory. Files of containers that run stay, and what they are in.
Status BridgeService::remove_directories() {
  TRY(unless_gone(sys::unlink(places_.journal())));
  TRY(remove_unfinished(places_.directory()));
  TRY(drop_stopped(places_.directory()));
  for (const std::string& path : {places_.reservations(), places_.names(), places_.directory()}) {
    const Status removed = sys::remove_directory(path);
    const int code = removed ? 0 : removed.error().code();
    if (code != 0 && code != ENOENT && code != ENOTEMPTY && code != EEXIST) return removed;
  }
  return {};
}

}  // namespace berth::network::bridge_service
