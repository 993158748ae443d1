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
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::network {
namespace {

constexpr std::chrono::seconds kPatience(30);

// --- the registry ----------------------------------------------------------------------------------------------------------

// RUNDIR/lxc/published/BRIDGE@NAMESPACE: interfaces of the same name in two network namespaces are two.
struct Registry {
  std::string bridge, path;
  std::vector<Published> entries;
};

// Of all bridges of this network namespace, whose ports are the same.
struct Registries {
  os::FileLock lock;
  Registry own;
  std::vector<Registry> others;
};

Result<Registry> read_registry(const std::string& directory, const std::string& bridge, ino_t space) {
  const std::string path = strings::cat(directory, '/', bridge, '@', space);
  const auto text = sys::read_file(path);
  if (!text && text.error().code() != ENOENT) return fail(text.error());
  return Registry{bridge, path, TRY(parse_registry(text ? *text : "", path))};
}

constexpr std::string_view kBelow = "lxc/published";

// For a look: it can change at once.
Result<std::vector<Published>> read_unlocked(const std::string& bridge) {
  const std::string directory = strings::cat(TRY(os::run_directory()), '/', kBelow);
  return TRY(read_registry(directory, bridge, TRY(sys::stat("/proc/self/ns/net")).st_ino)).entries;
}

Result<Registries> open_registries(const std::string& bridge) {
  const std::string run = TRY(os::run_directory());
  TRY(os::ensure_private_directory(run, kBelow));
  const std::string directory = strings::cat(run, '/', kBelow);
  auto lock = TRY(os::FileLock::acquire(directory + "/.lock"));
  const ino_t space = TRY(sys::stat("/proc/self/ns/net")).st_ino;
  Registries all{std::move(lock), TRY(read_registry(directory, bridge, space)), {}};
  for (const auto& file : TRY(sys::list_directory(directory))) {
    const auto other = bridge_of_registry(file.name, space);
    if (other && *other != bridge) all.others.push_back(TRY(read_registry(directory, std::string(*other), space)));
  }
  return all;
}

Status save(const Registry& registry) {
  if (!registry.entries.empty()) return sys::replace_file(registry.path, format_registry(registry.entries));
  const Status gone = sys::unlink(registry.path);
  return gone || gone.error().code() == ENOENT ? Status{} : gone;
}

bool drop_dead(std::vector<Published>& entries) {
  const auto dead = [](const Published& entry) {
    const auto now = holder_of(entry.holder.pid);
    return !now || *now != entry.holder;
  };
  return std::erase_if(entries, dead) != 0;
}

// `run`: of this one alone; empty: of all.
void drop_own(std::vector<Published>& entries, const Publisher& publisher, std::string_view run) {
  std::erase_if(entries, [&](const Published& entry) {
    return entry.container == publisher.container && entry.index == publisher.index && (run.empty() || entry.run == run);
  });
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

Error taken(const std::vector<Publication>& wanted, const Published& other) {
  const std::size_t slash = other.container.rfind('/');
  const std::vector<Published> others{other};
  const auto clashing =
      std::ranges::find_if(wanted, [&](const Publication& one) { return network::find_conflict(others, one) != nullptr; });
  return Error::message(strings::cat("port ", describe_host_side(*clashing), " is published already"), EADDRINUSE)
      .because(strings::cat("container ", other.container.substr(slash + 1), " of ", other.container.substr(0, slash), " has ",
                            describe_host_side(other.what)))
      .hint("publish another port, or stop that container");
}

const Published* find_conflict(const Registries& all, const std::vector<Publication>& wanted) {
  for (const Publication& one : wanted) {
    if (const Published* other = network::find_conflict(all.own.entries, one)) return other;
    for (const Registry& registry : all.others) {
      if (const Published* other = network::find_conflict(registry.entries, one)) return other;
    }
  }
  return nullptr;
}

Status check(const Publisher& publisher, const Holder& holder, const std::vector<Publication>& wanted) {
  std::vector<Published> earlier;
  for (const Publication& one : wanted) {
    if (const Published* twice = network::find_conflict(earlier, one)) return fail(taken({one}, *twice));
    earlier.push_back({one, holder, publisher.index, publisher.container});
    TRY(check_forwarding(one));
    TRY(check_ports(one));
  }
  return {};
}

// What nobody lives for any more goes from the kernel too. A bridge where that fails keeps its entries for the next attempt; they
// stand in nobody's way.
void clean_others(std::vector<Registry>& others) {
  for (Registry& registry : others) {
    if (drop_dead(registry.entries) && write_rules(registry.bridge, registry.entries)) static_cast<void>(save(registry));
  }
}

Result<Registries> open_cleaned(const Publisher& publisher) {
  Registries all = TRY(open_registries(publisher.bridge));
  clean_others(all.others);
  drop_dead(all.own.entries);
  drop_own(all.own.entries, publisher, {});
  return all;
}

// A container that has stopped takes its ports back a moment after its stop was answered: a conflict is one if it lasts.
Result<Registries> open_without_conflict(const Publisher& publisher, const std::vector<Publication>& wanted) {
  constexpr int kAttempts = 20;
  constexpr std::chrono::milliseconds kPause(50);
  for (int attempt = 0;; ++attempt) {
    Registries all = TRY(open_cleaned(publisher));
    const Published* other = find_conflict(all, wanted);
    if (other == nullptr) return all;
    if (attempt == kAttempts) return fail(taken(wanted, *other));
    {
      const Registries released = std::move(all);
    }
    sys::sleep_for(kPause);
  }
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
  Registries all = TRY(open_without_conflict(publisher, wanted));
  TRY(check(publisher, holder, wanted));
  Registry& registry = all.own;
  const auto before = registry.entries;
  for (const Publication& one : wanted)
    registry.entries.push_back({one, holder, publisher.index, publisher.container, publisher.run});
  TRY(save(registry));  // first: what is registered and not in the kernel yet, the next change repairs
  Status written = write_rules(publisher.bridge, registry.entries);
  if (written) return {};
  registry.entries = before;
  static_cast<void>(write_rules(publisher.bridge, before));
  static_cast<void>(save(registry));
  return written;
}

Status unpublish(const Publisher& publisher) {
  Registries all = TRY(open_registries(publisher.bridge));
  Registry& registry = all.own;
  const std::size_t before = registry.entries.size();
  drop_own(registry.entries, publisher, publisher.run);
  if (registry.entries.size() == before) return {};
  drop_dead(registry.entries);
  TRY(write_rules(publisher.bridge, registry.entries));
  return save(registry);
}

Status republish(const std::string& bridge) {
  if (TRY(read_unlocked(bridge)).empty()) return {};
  Registries all = TRY(open_registries(bridge));
  Registry& registry = all.own;
  drop_dead(registry.entries);
  TRY(write_rules(bridge, registry.entries));
  return save(registry);
}

Result<bool> misses_published(const std::string& bridge) {
  auto entries = TRY(read_unlocked(bridge));
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
