// Runs in: lxc-net.
#include "network/bridge_service/service.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/strings.hpp"
#include "network/bridge_service/clashes.hpp"
#include "network/bridge_service/foreign_rules.hpp"
#include "network/publish_live.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::network::bridge_service {
namespace {

using Kind = Change::Kind;

constexpr mode_t kPublic = 0755;
constexpr mode_t kOthersMayPass = 0001;

// dnsmasq goes through here as another user; what is private below has modes of its own.
Status ensure_passable(const std::string& path) {
  TRY(sys::ensure_directory(path, kPublic));
  const mode_t mode = TRY(sys::stat(path)).st_mode & 07777;
  if ((mode & kOthersMayPass) != 0) return {};
  return sys::chmod(path, mode | 0011);
}

}  // namespace

BridgeService::BridgeService(BridgeSettings settings, std::string run_directory)
    : settings_(std::move(settings)),
      places_{std::move(run_directory), settings_.bridge},
      resolver_(places_),
      mark_(settings_mark(settings_)) {}

Result<os::FileLock> BridgeService::lock() const {
  TRY(ensure_passable(places_.run_directory));
  TRY(ensure_passable(std::string(os::parent(places_.directory()))));
  return os::FileLock::acquire(places_.lock());
}

Result<ServiceReport> BridgeService::start() {
  const os::FileLock held = TRY(lock());
  TRY(start_locked());
  return std::move(report_);
}

Result<ServiceReport> BridgeService::stop() {
  const os::FileLock held = TRY(lock());
  TRY(stop_locked());
  return std::move(report_);
}

Result<ServiceReport> BridgeService::restart() {
  const os::FileLock held = TRY(lock());
  auto before = TRY(earlier());
  if (before && before->complete) {
    journal_ = std::move(*before);
    TRY(restart_running());
  } else {
    TRY(start_locked());
  }
  return std::move(report_);
}

Status BridgeService::start_locked() {
  auto before = TRY(earlier());
  const bool complete = before && before->complete;
  if (before) journal_ = std::move(*before);
  if (complete) return keep_running();
  if (before) {
    const bool kept_bridge = journal_.changes.size() == 1 && has_recorded(Kind::kBridge);
    TRY(undo(Undoing::kStop));
    report_.notes.clear();
    if (!kept_bridge) report_.notes.emplace_back("an earlier start did not come to its end; what it left was cleared");
  }
  TRY(check_host());
  return start_anew(before ? Undoing::kStop : Undoing::kFailure);
}

Status BridgeService::start_anew(Undoing on_failure) {
  report_.changed = true;
  journal_.host_life = TRY(host_life());
  journal_.settings = mark_;
  const Status changed = change_host();
  if (changed) return {};
  Error error = changed.error();
  const Status undone = undo(on_failure);
  if (!undone) error = std::move(error).because(strings::cat("and not all of it could be undone: ", undone.error().line()));
  return fail(std::move(error).context(strings::cat("starting the bridge ", settings_.bridge)));
}

// It was started. What is in order stays as it is: containers use it.
Status BridgeService::keep_running() {
  const auto found = TRY(faults());
  const bool differs = !journal_.settings.empty() && journal_.settings != mark_;
  if (!found.empty()) return differs ? restart_running() : repair(found);
  if (differs) report_.warnings.emplace_back("the settings are not those it was started with; `lxc-net restart` applies them");
  return {};
}

Status BridgeService::repair(const std::vector<std::string>& found) {
  const std::string context = strings::cat("repairing the bridge ", settings_.bridge);
  report_.changed = true;
  TRY_CONTEXT(check_host(), context);
  TRY_CONTEXT(change_host(), context);
  const auto left = TRY(faults());
  if (!left.empty()) {
    return fail(Error::message(strings::join(left, "; "), EIO).context(context).hint("`lxc-net restart` starts it anew"));
  }
  for (const std::string& fault : found) report_.notes.push_back(strings::cat("repaired: ", fault));
  return {};
}

// The host is asked first: what can't be started again is not stopped.
Status BridgeService::restart_running() {
  TRY_CONTEXT(check_host(), strings::cat("restarting the bridge ", settings_.bridge));
  std::vector<std::string> notes = std::move(report_.notes);
  TRY_CONTEXT(undo(Undoing::kRestart), strings::cat("stopping the bridge ", settings_.bridge));
  report_.notes = std::move(notes);  // what a stop has to tell is of no interest now
  return start_anew(Undoing::kStop);
}

Status BridgeService::stop_locked() {
  auto before = TRY(earlier());
  // One that was killed while it wrote its first line has changed nothing, but left what it wrote.
  if (!before) return sys::exists(places_.directory()) ? remove_directories() : Status{};
  journal_ = std::move(*before);
  report_.changed = journal_.complete;
  return with_context(undo(Undoing::kStop), strings::cat("stopping the bridge ", settings_.bridge));
}

// What an earlier start of this host's life wrote. Files of another life are cleared.
Result<std::optional<Journal>> BridgeService::earlier() {
  auto journal = TRY(read_journal(places_.journal()));
  if (!journal || journal->host_life == TRY(host_life())) return journal;
  if (TRY(resolver_.running_elsewhere())) {
    return fail(Error::message(strings::cat(places_.directory(), " belongs to a bridge in another network namespace"), EBUSY)
                    .because("its dnsmasq runs there")
                    .hint("stop it there, or give this one files of its own by --run-directory"));
  }
  TRY(resolver_.stop());  // its pid file
  TRY(remove_directories());
  return std::optional<Journal>();
}

Status BridgeService::check_host() {
  if (settings_.ipv6 && !TRY(ipv6_available())) {
    if (settings_.ipv6->asked_for) {
      return fail(Error::message("the settings ask for IPv6, which this host has not", EAFNOSUPPORT)
                      .because("net.ipv6.conf.all.disable_ipv6 is 1, or the kernel has no IPv6")
                      .hint("LXC_IPV6_ENABLE=false goes without"));
    }
    report_.notes.emplace_back("this host has no IPv6, nor has the bridge");
    settings_.ipv6.reset();
  }
  const auto view = TRY(TRY(BridgeLinks::open()).find(settings_.bridge));
  TRY(check_routes(settings_, report_.warnings));
  TRY(Resolver::check(settings_));
  TRY(PacketFilter::choose(settings_));
  const auto own = TRY(resolver_.running());
  const auto ask = [&] {
    return check_ports(settings_, view ? view->link.index : -1, Suspicion::kCertain, own ? own->pid() : 0);
  };
  Status free = ask();
  // A dnsmasq of ours that was killed just now is no process any more before its sockets are gone.
  for (int left = 20; left > 0 && journal_.complete && !own && !free && free.error().code() == EADDRINUSE; --left) {
    sys::sleep_for(std::chrono::milliseconds(100));
    free = ask();
  }
  return free;
}

Status BridgeService::change_host() {
  TRY(make_bridge());
  const auto view = TRY(TRY(BridgeLinks::open()).find(settings_.bridge));
  if (!view) return fail(Error::from_errno(ENODEV, "netlink find", settings_.bridge).because("it went away meanwhile"));
  TRY(set_up_addresses(*view));
  TRY(turn(TRY(plan_forwarding4())));
  if (settings_.ipv6) TRY(turn(TRY(plan_forwarding6(settings_.bridge))));
  TRY(turn(TRY(plan_bridge_forwarding(settings_.bridge, settings_.ipv6.has_value()))));
  TRY(start_filter());
  if (TRY(misses_published(settings_.bridge)))
    TRY_CONTEXT(republish(settings_.bridge), "publishing the ports of containers that run again");
  TRY(start_resolver(view->link.index));
  TRY(raise_flag());
  journal_.complete = true;
  TRY(save());
  auto warnings = find_foreign_rules(settings_.bridge);
  if (!warnings) {  // it runs all the same
    report_.warnings.push_back(strings::cat(
        "packet filters of others, which may refuse what the bridge needs, could not be looked at: ", warnings.error().line()));
    return {};
  }
  for (std::string& warning : *warnings) report_.warnings.push_back(std::move(warning));
  return {};
}

Status BridgeService::make_bridge() {
  BridgeLinks links = TRY(BridgeLinks::open());
  if (TRY(links.find(settings_.bridge))) return {};
  std::erase_if(journal_.changes, [](const Change& change) { return change.kind == Kind::kBridge; });
  TRY(record({Kind::kBridge, settings_.bridge, {}, {}}));
  return links.make(settings_.bridge, settings_.hardware_address);
}

Status BridgeService::set_up_addresses(const BridgeView& view) {
  BridgeLinks links = TRY(BridgeLinks::open());
  TRY(turn(TRY(plan_bridge(settings_.bridge, settings_.ipv6.has_value()))));
  for (const std::string& address : addresses()) {
    const bool there = std::ranges::any_of(view.link.addresses, [&](const os::LinkAddress& have) {
      return strings::cat(have.text, '/', have.prefix_length) == address;
    });
    if (there) continue;
    TRY(record({Kind::kAddress, address, {}, {}}));
    addressed_ = true;
    TRY(links.add_address(view.link.index, address));
  }
  if (view.link.up) return {};
  if (!has_recorded(Kind::kBridge)) TRY(record({Kind::kRaised, {}, {}, {}}));
  return links.raise(settings_.bridge);
}

Status BridgeService::turn(const std::vector<SettingChange>& changes) {
  if (changes.empty()) return {};
  for (const SettingChange& change : changes) {
    const auto known = std::ranges::find_if(
        journal_.changes, [&](const Change& row) { return row.kind == Kind::kSetting && row.first == change.path; });
    // What was there before the first start is what a stop gives back.
    if (known != journal_.changes.end())
      known->third = change.value;
    else
      journal_.changes.push_back({Kind::kSetting, change.path, change.before, change.value});
  }
  TRY(save());
  for (const SettingChange& change : changes) {
    if (change.before != change.value) TRY(write_setting(change.path, change.value));
  }
  return {};
}

Status BridgeService::start_filter() {
  const auto recorded = recorded_filter();
  if (recorded && TRY(PacketFilter(*recorded, settings_.bridge).present(settings_))) return {};
  const FilterKind kind = recorded ? *recorded : TRY(PacketFilter::choose(settings_));
  TRY(record({Kind::kFilter, std::string(filter_name(kind)), {}, {}}));
  return PacketFilter(kind, settings_.bridge).start(settings_);
}

Status BridgeService::start_resolver(int bridge_index) {
  if (TRY(resolver_.running())) {
    if (!addressed_) return {};
    TRY(resolver_.stop());  // it has bound to addresses that were taken away
  }
  TRY(record({Kind::kResolver, {}, {}, {}}));
  TRY(ensure_passable(places_.directory()));
  const Status started = resolver_.start(settings_);
  if (started) return {};
  // It says that an address is in use, not by whom.
  if (started.error().output().find("in use") != std::string::npos) TRY(check_ports(settings_, bridge_index, Suspicion::kAny, 0));
  return started;
}

Status BridgeService::raise_flag() {
  if (sys::exists(places_.flag())) return {};
  TRY(record({Kind::kFlagFile, places_.flag(), {}, {}}));
  return sys::replace_file(places_.flag(), "");
}

Status BridgeService::record(Change change) {
  if (std::ranges::find(journal_.changes, change) == journal_.changes.end()) journal_.changes.push_back(std::move(change));
  return save();
}

Status BridgeService::save() {
  TRY(ensure_passable(places_.directory()));
  return sys::replace_file(places_.journal(), to_text(journal_), 0644);
}

bool BridgeService::has_recorded(Kind kind) const {
  return std::ranges::find(journal_.changes, kind, &Change::kind) != journal_.changes.end();
}

std::vector<std::string> BridgeService::addresses() const {
  std::vector<std::string> texts{strings::cat(format(settings_.ipv4.address), '/', settings_.ipv4.network.length)};
  if (settings_.ipv6) texts.push_back(strings::cat(format(settings_.ipv6->address), '/', settings_.ipv6->network.length));
  return texts;
}

Result<FilterKind> BridgeService::recorded_filter() const {
  const auto change = std::ranges::find(journal_.changes, Kind::kFilter, &Change::kind);
  if (change == journal_.changes.end()) return fail("no packet filter was set up");
  return change->first == filter_name(FilterKind::kNft) ? FilterKind::kNft : FilterKind::kIptables;
}

// The settings as far as it was started with them, and as this host can have them now.
BridgeSettings BridgeService::started_settings() const {
  BridgeSettings settings = settings_;
  const bool has6 = std::ranges::any_of(journal_.changes, [](const Change& change) {
    return change.kind == Kind::kAddress && change.first.find(':') != std::string::npos;
  });
  if (!has6 && journal_.settings != mark_) settings.ipv6.reset();
  const auto available = ipv6_available();
  if (available && !*available) settings.ipv6.reset();
  return settings;
}

// Those without which containers reach nobody, or the host believes them.
Result<std::vector<std::string>> BridgeService::faults_of_settings() const {
  std::vector<std::string> found;
  const auto expect = [&](const std::string& path, std::string_view value) -> Status {
    const auto now = read_setting(path);
    if (!now && now.error().code() == ENOENT) return {};  // gone with the bridge
    if (!now) return fail(now.error());
    if (*now == value) return {};
    std::string name = path;
    std::ranges::replace(name, '/', '.');
    found.push_back(value == "1" ? strings::cat(name, " was switched off") : strings::cat(name, " was set to ", *now));
    return {};
  };
  TRY(expect("net/ipv4/ip_forward", "1"));
  TRY(expect(strings::cat("net/ipv4/conf/", settings_.bridge, "/forwarding"), "1"));
  if (started_settings().ipv6) {
    TRY(expect("net/ipv6/conf/all/forwarding", "1"));
    TRY(expect(strings::cat("net/ipv6/conf/", settings_.bridge, "/forwarding"), "1"));
  }
  for (const std::string_view name : {"accept_ra", "autoconf"})
    TRY(expect(strings::cat("net/ipv6/conf/", settings_.bridge, '/', name), "0"));
  return found;
}

// What is not as the start left it.
Result<std::vector<std::string>> BridgeService::faults() {
  std::vector<std::string> found;
  const auto view = TRY(TRY(BridgeLinks::open()).find(settings_.bridge));
  if (!view) found.push_back(strings::cat("the bridge ", settings_.bridge, " is gone"));
  if (view && !view->link.up) found.push_back(strings::cat("the bridge ", settings_.bridge, " is down"));
  for (const Change& change : journal_.changes) {
    if (change.kind != Kind::kAddress || !view) continue;
    const bool there = std::ranges::any_of(view->link.addresses, [&](const os::LinkAddress& have) {
      return strings::cat(have.text, '/', have.prefix_length) == change.first;
    });
    if (!there) found.push_back(strings::cat("the bridge lost its address ", change.first));
  }
  for (std::string& fault : TRY(faults_of_settings())) found.push_back(std::move(fault));
  const auto kind = recorded_filter();
  if (!kind || !TRY(PacketFilter(*kind, settings_.bridge).present(started_settings())))
    found.emplace_back("the rules of address translation are gone");
  if (TRY(misses_published(settings_.bridge))) found.emplace_back("the rules of published ports are gone");
  if (!TRY(resolver_.running())) found.emplace_back("dnsmasq does not run");
  return found;
}

// Who changes the bridge holds the lock. Where it can't be asked for, nobody is taken to.
bool BridgeService::in_use() const {
  const auto free = os::FileLock::try_acquire(places_.lock());
  return free && !*free;
}

Result<ServiceStatus> BridgeService::status() {
  ServiceStatus status;
  status.bridge = TRY(TRY(BridgeLinks::open()).find(settings_.bridge));
  auto journal = TRY(read_journal(places_.journal()));
  if (!journal || journal->host_life != TRY(host_life())) return status;
  journal_ = std::move(*journal);
  if (const auto process = TRY(resolver_.running())) status.resolver = process->pid();
  const auto leases = sys::read_file(settings_.leases_file);
  if (leases) status.leases = parse_leases(*leases, static_cast<std::uint64_t>(::time(nullptr)));
  if (!journal_.complete) {
    status.changing = in_use();
    if (!status.changing && (journal_.changes.size() > 1 || !has_recorded(Kind::kBridge)))
      status.faults.emplace_back("a start did not come to its end");
    return status;
  }
  status.faults = TRY(faults());
  status.running = status.faults.empty();
  if (const auto kind = recorded_filter(); kind && TRY(PacketFilter(*kind, settings_.bridge).present(started_settings()))) {
    status.filter = std::string(filter_name(*kind));
    status.translated.push_back(format(settings_.ipv4.network));
    const bool has_ipv6 = settings_.ipv6 && settings_.ipv6->translated && TRY(ipv6_available());
    if (has_ipv6) status.translated.push_back(format(settings_.ipv6->network));
  }
  return status;
}

}  // namespace berth::network::bridge_service
