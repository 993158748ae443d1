// Runs in: lxc-net.
#include "network/bridge_service/resolver.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "network/names.hpp"
#include "os/command.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::network::bridge_service {
namespace {

constexpr std::string_view kProgram = "dnsmasq";
constexpr mode_t kPublic = 0755;
constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kStartTime = std::chrono::seconds(60);  // it waits for addresses that are tentative

os::Command dnsmasq(std::vector<std::string> arguments) {
  os::Command command;
  command.program = std::string(kProgram);
  command.arguments = std::move(arguments);
  command.environment = {"LC_ALL=C", "PATH=" + command.search_path};
  command.timeout = kStartTime;
  return command;
}

Status make_public_directory(const std::string& path) {
  TRY(sys::ensure_directory(path, kPublic));
  return sys::chmod(path, kPublic);  // whatever the umask is: dnsmasq looks as another user
}

bool has_our_files(pid_t pid, const std::string& pid_file) {
  const auto command = sys::read_file(strings::cat("/proc/", pid, "/cmdline"));
  if (!command) return false;
  const auto words = strings::split(*command, '\0');
  return std::ranges::find(words, strings::cat("--pid-file=", pid_file)) != words.end();
}

Result<bool> shares_our_network(pid_t pid) {
  const auto theirs = sys::read_link(strings::cat("/proc/", pid, "/ns/net"));
  return theirs && *theirs == TRY(sys::read_link("/proc/self/ns/net"));
}

void add_ipv4(const BridgeSettings& settings, std::vector<std::string>& arguments) {
  const Ipv4Service& ipv4 = settings.ipv4;
  arguments.push_back(strings::cat("--dhcp-range=", format(ipv4.first), ',', format(ipv4.last), ',',
                                   format_netmask4(ipv4.network.length), ipv4.lease_time.empty() ? "" : ",", ipv4.lease_time));
  arguments.push_back(strings::cat("--dhcp-lease-max=", ipv4.most_leases));
  arguments.push_back(strings::cat("--dhcp-leasefile=", settings.leases_file));
  arguments.insert(arguments.end(), {"--dhcp-no-override", "--dhcp-authoritative"});
  if (!settings.ping_before_offer) arguments.emplace_back("--no-ping");
}

}  // namespace

Result<std::string> choose_resolver_user(std::string_view passwd) {
  for (const std::string_view name : {"lxc-dnsmasq", "dnsmasq", "nobody"}) {
    const std::string row = strings::cat(name, ':');
    if (passwd.starts_with(row) || passwd.find(strings::cat('\n', row)) != passwd.npos) return std::string(name);
  }
  return fail(Error::message("this host has no user that dnsmasq could run as", ENOENT)
                  .because("none of lxc-dnsmasq, dnsmasq and nobody is in /etc/passwd")
                  .hint("useradd --system --no-create-home lxc-dnsmasq"));
}

std::vector<std::string> resolver_arguments(const BridgeSettings& settings, const Places& places, std::string_view user) {
  std::vector<std::string> arguments{strings::cat("--conf-file=", settings.dnsmasq_configuration),
                                     strings::cat("--user=", user),
                                     strings::cat("--pid-file=", places.pid_file()),
                                     "--strict-order",
                                     "--bind-interfaces",
                                     strings::cat("--interface=", settings.bridge),
                                     "--except-interface=lo",
                                     strings::cat("--dhcp-hostsdir=", places.reservations()),
                                     strings::cat("--hostsdir=", places.names())};
  add_ipv4(settings, arguments);
  if (settings.ipv6) {
    arguments.emplace_back("--enable-ra");
    arguments.push_back(strings::cat("--dhcp-range=", format(settings.ipv6->network.base), ",ra-stateless,ra-names,",
                                     settings.ipv6->network.length));
  }
  if (!settings.domain.empty()) {
    arguments.push_back(strings::cat("--domain=", settings.domain));
    arguments.push_back(strings::cat("--local=/", settings.domain, '/'));
    arguments.emplace_back("--expand-hosts");
  }
  return arguments;
}

Status Resolver::check(const BridgeSettings& settings) {
  if (!os::has_program(std::string(kProgram))) {
    return fail(Error::message("dnsmasq is not on this host: containers would get no addresses and no names", ENOENT)
                    .hint("install it: apt install dnsmasq-base"));
  }
  if (settings.dnsmasq_configuration.empty()) return {};
  TRY_CONTEXT(sys::stat(settings.dnsmasq_configuration), "LXC_DHCP_CONFILE names a file that can't be read");
  return {};
}

Status Resolver::start(const BridgeSettings& settings) const {
  TRY(make_public_directory(places_.reservations()));
  TRY(make_public_directory(places_.names()));
  TRY(reserve_known_addresses(places_.directory(), settings.bridge));
  TRY(sys::ensure_directory(std::string(os::parent(settings.leases_file)), kPublic));
  const std::string user = TRY(choose_resolver_user(TRY(sys::read_file("/etc/passwd"))));
  TRY_CONTEXT(os::run_checked(dnsmasq(resolver_arguments(settings, places_, user))), "starting dnsmasq");
  if (TRY(running())) return {};
  return fail(Error::message("dnsmasq ended as soon as it had started", ECHILD).hint("its reason is in the system's log"));
}

Result<std::optional<os::PidRef>> Resolver::running() const { return find(Where::kHere); }
Result<bool> Resolver::running_elsewhere() const { return TRY(find(Where::kElsewhere)).has_value(); }

// The namespace counts: what runs in a container may look the same, pid file and all.
Result<std::optional<os::PidRef>> Resolver::find(Where where) const {
  const auto text = sys::read_file(places_.pid_file());
  if (!text && text.error().code() == ENOENT) return std::optional<os::PidRef>();
  if (!text) return fail(text.error());
  const auto pid = strings::parse_number<pid_t>(strings::trim(*text));
  if (!pid || *pid <= 0) return std::optional<os::PidRef>();
  auto process = os::PidRef::open(*pid);
  if (!process && process.error().code() == ESRCH) return std::optional<os::PidRef>();
  if (!process) return fail(process.error());
  // Looked at while the descriptor holds the process: the number can't have passed on.
  const bool fits = has_our_files(*pid, places_.pid_file()) && TRY(shares_our_network(*pid)) == (where == Where::kHere);
  if (!fits || !TRY(process->alive())) return std::optional<os::PidRef>();
  return std::optional(std::move(*process));
}

namespace {

Status end(const os::PidRef& process) {
  TRY(process.signal(SIGTERM));
  if (TRY(process.wait_ended(kPatience))) return {};
  TRY(process.signal(SIGKILL));
  if (TRY(process.wait_ended(kPatience))) return {};
  return fail(Error::message(strings::cat("dnsmasq (pid ", process.pid(), ") does not end"), ETIMEDOUT)
                  .hint("it hangs in the kernel; try again"));
}

// One whose lxc-net was killed before it had written its pid file.
Status end_unrecorded(const std::string& pid_file) {
  for (const auto& entry : TRY(sys::list_directory("/proc"))) {
    const auto pid = strings::parse_number<pid_t>(entry.name);
    if (!pid || !has_our_files(*pid, pid_file)) continue;
    const auto process = os::PidRef::open(*pid);
    if (!process || !has_our_files(*pid, pid_file) || !TRY(shares_our_network(*pid))) continue;
    TRY(end(*process));
  }
  return {};
}

}  // namespace

Status Resolver::stop() const {
  if (const auto process = TRY(running())) {
    TRY(end(*process));
  } else {
    TRY(end_unrecorded(places_.pid_file()));
  }
  const Status removed = sys::unlink(places_.pid_file());
  return removed || removed.error().code() == ENOENT ? Status{} : removed;
}

std::vector<Lease> parse_leases(std::string_view text, std::uint64_t now) {
  std::vector<Lease> leases;
  for (const std::string_view line : strings::split(text, '\n')) {
    const auto words = strings::split_words(line);
    if (words.size() < 4) continue;
    const auto expires = strings::parse_number<std::uint64_t>(words[0]);
    const bool version4 = ip::parse_version4(words[2]).has_value();
    if (!expires || (!version4 && !ip::parse_version6(words[2])) || (*expires != 0 && *expires <= now)) continue;
    // The second word of a lease of IPv6 is no hardware address.
    leases.push_back({*expires, version4 ? std::string(words[1]) : std::string(), std::string(words[2]),
                      words[3] == "*" ? std::string() : std::string(words[3])});
  }
  return leases;
}

}  // namespace berth::network::bridge_service
