// Runs in: berth-network, started by the monitor.
#include "network/publish_live.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/ip_address.hpp"
#include "base/strings.hpp"
#include "os/command.hpp"
#include "os/lock.hpp"
#include "os/rundir.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::network {
namespace {

constexpr std::chrono::seconds kPatience(30);

// --- the registry ----------------------------------------------------------------------------------------------------------

// RUNDIR/lxc/published/BRIDGE@NAMESPACE: interfaces of the same name in two network namespaces are two.
struct Registry {
  std::string path;
  os::FileLock lock;
  std::vector<Published> entries;
};

constexpr std::string_view kBelow = "lxc/published";

Result<std::string> registry_path(const std::string& bridge) {
  const auto space = TRY(sys::stat("/proc/self/ns/net"));
  return strings::cat(TRY(os::run_directory()), '/', kBelow, '/', bridge, '@', space.st_ino);
}

Result<std::vector<Published>> read_registry(const std::string& path) {
  const auto text = sys::read_file(path);
  if (!text && text.error().code() != ENOENT) return fail(text.error());
  return parse_registry(text ? *text : "", path);
}

Result<Registry> open_registry(const std::string& bridge) {
  const std::string run = TRY(os::run_directory());
  TRY(os::ensure_private_directory(run, kBelow));
  const std::string directory = strings::cat(run, '/', kBelow);
  auto lock = TRY(os::FileLock::acquire(directory + "/.lock"));
  const std::string path = TRY(registry_path(bridge));
  return Registry{path, std::move(lock), TRY(read_registry(path))};
}

Status save(const Registry& registry) {
  if (!registry.entries.empty()) return sys::replace_file(registry.path, format_registry(registry.entries));
  const Status gone = sys::unlink(registry.path);
  return gone || gone.error().code() == ENOENT ? Status{} : gone;
}

void drop_dead(std::vector<Published>& entries) {
  std::erase_if(entries, [](const Published& entry) {
    const auto now = holder_of(entry.holder.pid);
    return !now || *now != entry.holder;
  });
}

void drop_own(std::vector<Published>& entries, const Publisher& publisher) {
  std::erase_if(entries,
                [&](const Published& entry) { return entry.container == publisher.container && entry.index == publisher.index; });
}

// --- the kernel ------------------------------------------------------------------------------------------------------------

Result<std::string> nft(std::vector<std::string> arguments, std::string input) {
  os::Command command;
  command.program = "nft";
  command.arguments = std::move(arguments);
  command.input = std::move(input);
  command.timeout = kPatience;
  auto finished = os::run_checked(command);
  if (finished) return std::move(finished->output);
  Error error = std::move(finished.error());
  if (error.code() == ENOENT) error = std::move(error).hint("install nftables, whose nft publishes the ports");
  return fail(std::move(error));
}

// Answers to what the host itself asked from 127.0.0.1 come back through the bridge.
Status route_loopback(const std::string& bridge, bool on) {
  const Status written =
      sys::write_attribute(strings::cat("/proc/sys/net/ipv4/conf/", bridge, "/route_localnet"), on ? "1" : "0");
  return on || written || written.error().code() != ENOENT ? written : Status{};  // the bridge may be gone
}

Status write_rules(const std::string& bridge, const std::vector<Published>& entries) {
  TRY(nft({"-f", "-"}, ruleset(bridge, entries)));
  const bool version4 = std::ranges::any_of(entries, [](const Published& entry) { return !entry.what.version6(); });
  TRY(route_loopback(bridge, version4));
  if (!entries.empty()) return {};
  const std::string table = table_of(bridge);
  if (!is_empty_table(TRY(nft({"list", "table", "inet", table}, "")))) return {};  // lxc-net's chains are there
  TRY(nft({"delete", "table", "inet", table}, ""));
  return {};
}

// --- what stands in the way ------------------------------------------------------------------------------------------------

bool is_loopback(const std::string& address) { return address.starts_with("127."); }

Status check_forwarding(const Publication& wanted) {
  if (is_loopback(wanted.host)) return {};
  const std::string key = wanted.version6() ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward";
  std::string path = "/proc/sys/" + key;
  std::ranges::replace(path.begin() + 10, path.end(), '.', '/');
  const auto value = sys::read_file(path);
  if (!value || strings::trim(*value) != "0") return {};
  return fail(Error::message("this host does not forward packets, so nobody else could reach a published port")
                  .because(key + " is 0")
                  .hint(wanted.version6()
                            ? std::string("set it to 1, as lxc-net does")
                            : strings::cat("set it to 1, as lxc-net does, or publish for this host alone: 127.0.0.1:",
                                           wanted.host_first, ":", wanted.target_first)));
}

union SocketAddress {
  sockaddr_in version4;
  sockaddr_in6 version6;
};

SocketAddress socket_address(const Publication& wanted, unsigned port) {
  SocketAddress address{};
  if (wanted.version6()) {
    address.version6 = sockaddr_in6{};
    address.version6.sin6_family = AF_INET6;
    address.version6.sin6_port = __builtin_bswap16(static_cast<std::uint16_t>(port));
    if (const auto host = ip::parse_version6(wanted.host)) std::ranges::copy(*host, address.version6.sin6_addr.s6_addr);
  } else {
    address.version4.sin_family = AF_INET;
    address.version4.sin_port = __builtin_bswap16(static_cast<std::uint16_t>(port));
    if (const auto host = ip::parse_version4(wanted.host))
      __builtin_memcpy(&address.version4.sin_addr, host->data(), host->size());
  }
  return address;
}

// Nobody can have a port that can be bound. The address need not be there yet.
Status check_port(const Publication& wanted, unsigned port) {
  const int family = wanted.version6() ? AF_INET6 : AF_INET;
  const Fd socket = TRY(sys::socket(family, wanted.udp ? SOCK_DGRAM : SOCK_STREAM, 0));
  if (!wanted.udp) TRY(sys::set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  if (wanted.version6()) TRY(sys::set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1));
  TRY(sys::set_option(socket.get(), IPPROTO_IP, IP_FREEBIND, 1));
  const SocketAddress address = socket_address(wanted, port);
  const std::size_t size = wanted.version6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  const long outcome = sys::raw::call(SYS_bind, socket.get(), &address, size);
  if (outcome != -EADDRINUSE) return {};
  const Publication shown{wanted.udp, wanted.host, static_cast<std::uint16_t>(port), 1, wanted.target, 0};
  return fail(Error::message(strings::cat("port ", describe_host_side(shown), " is in use by a process of the host"), EADDRINUSE)
                  .hint(strings::cat("publish another port, or one address of the host alone; `ss -", wanted.udp ? "u" : "t",
                                     "lnp sport = ", port, "` tells who has it")));
}

Status check_ports(const Publication& wanted) {
  for (unsigned i = 0; i < wanted.count; ++i) TRY(check_port(wanted, wanted.host_first + i));
  return {};
}

Error taken(const Publication& wanted, const Published& other) {
  const std::size_t slash = other.container.rfind('/');
  return Error::message(strings::cat("port ", describe_host_side(wanted), " is published already"), EADDRINUSE)
      .because(strings::cat("container ", other.container.substr(slash + 1), " of ", other.container.substr(0, slash), " has ",
                            describe_host_side(other.what)))
      .hint("publish another port, or stop that container");
}

Status check(const std::vector<Published>& entries, const Publication& wanted) {
  if (const Published* other = find_conflict(entries, wanted)) return fail(taken(wanted, *other));
  TRY(check_forwarding(wanted));
  return check_ports(wanted);
}

}  // namespace

Result<Holder> holder_of(pid_t pid) {
  const std::string text = TRY(sys::read_file(strings::cat("/proc/", pid, "/stat")));
  const std::size_t end = text.rfind(')');  // the name before it can hold anything
  const auto words = strings::split_words(std::string_view(text).substr(end == std::string::npos ? text.size() : end + 1));
  constexpr std::size_t kStartTime = 19;  // field 22, the third being the first of these
  const auto began = words.size() > kStartTime ? strings::parse_number<std::uint64_t>(words[kStartTime]) : std::nullopt;
  if (!began) return fail(strings::cat("/proc/", pid, "/stat has no start time"));
  return Holder{pid, *began};
}

Status publish(const Publisher& publisher, const Holder& holder, const std::vector<Publication>& wanted) {
  if (publisher.bridge.find_first_of("\"\\") != std::string::npos)
    return fail(strings::cat("ports can't be published on a bridge of the name ", publisher.bridge));
  Registry registry = TRY(open_registry(publisher.bridge));
  drop_dead(registry.entries);
  drop_own(registry.entries, publisher);
  const auto before = registry.entries;
  for (const Publication& one : wanted) {
    TRY(check(registry.entries, one));
    registry.entries.push_back({one, holder, publisher.index, publisher.container});
  }
  TRY(save(registry));  // first: what is registered and not in the kernel yet, the next change repairs
  Status written = write_rules(publisher.bridge, registry.entries);
  if (written) return {};
  registry.entries = before;
  static_cast<void>(write_rules(publisher.bridge, before));
  static_cast<void>(save(registry));
  return written;
}

Status unpublish(const Publisher& publisher) {
  Registry registry = TRY(open_registry(publisher.bridge));
  const std::size_t before = registry.entries.size();
  drop_own(registry.entries, publisher);
  if (registry.entries.size() == before) return {};
  drop_dead(registry.entries);
  TRY(write_rules(publisher.bridge, registry.entries));
  return save(registry);
}

Status republish(const std::string& bridge) {
  if (TRY(read_registry(TRY(registry_path(bridge)))).empty()) return {};
  Registry registry = TRY(open_registry(bridge));
  drop_dead(registry.entries);
  TRY(write_rules(bridge, registry.entries));
  return save(registry);
}

Result<bool> misses_published(const std::string& bridge) {
  auto entries = TRY(read_registry(TRY(registry_path(bridge))));
  drop_dead(entries);
  if (entries.empty()) return false;
  // Asked for all tables: that one is missing is no error then.
  const std::string listing = TRY(nft({"list", "chains", "inet"}, ""));
  const std::size_t table = listing.find(strings::cat("table inet ", table_of(bridge), " {"));
  if (table == std::string::npos) return true;
  const std::string_view own = std::string_view(listing).substr(table, listing.find("\n}", table) - table);
  if (own.find("chain publish_") == std::string_view::npos) return true;
  const bool version4 = std::ranges::any_of(entries, [](const Published& entry) { return !entry.what.version6(); });
  const auto routed = sys::read_file(strings::cat("/proc/sys/net/ipv4/conf/", bridge, "/route_localnet"));
  return version4 && routed && strings::trim(*routed) != "1";
}

}  // namespace berth::network
