// Runs in: the starting command; berth-network.
#include "network/publish.hpp"

#include <algorithm>
#include <array>

#include "base/ip_address.hpp"
#include "base/sha1.hpp"
#include "base/strings.hpp"

namespace berth::network {
namespace {

constexpr std::string_view kFirstLine = "# ports that berth publishes; written by berth\n";
constexpr unsigned kPorts = 65536;

bool is_address(std::string_view text) {
  const auto version6 = ip::parse_version6(text);
  return version6 ? ip::format_version6(*version6) == text : ip::parse_version4(text).has_value();
}
bool is_version6(std::string_view text) { return text.find(':') != std::string_view::npos; }

// Does it begin at a port that is one, and end at one?
bool is_range(unsigned first, unsigned count) { return first != 0 && count != 0 && first + count <= kPorts; }

// Which of the four kinds of map a publication stands in.
struct Family {
  std::string_view protocol, suffix, type, keyword;
  bool udp, version6;
};
constexpr auto kFamilies = std::to_array<Family>({{"tcp", "tcp4", "ipv4_addr", "ip", false, false},
                                                  {"udp", "udp4", "ipv4_addr", "ip", true, false},
                                                  {"tcp", "tcp6", "ipv6_addr", "ip6", false, true},
                                                  {"udp", "udp6", "ipv6_addr", "ip6", true, true}});

bool stands_in(const Family& family, const Publication& what) {
  return family.udp == what.udp && family.version6 == what.version6();
}

void add_elements(std::string& out, std::string_view table, const Family& family, const Publication& what) {
  const bool any = what.host.empty();
  out += strings::cat("add element inet ", table, " published_", family.suffix, any ? "" : "_at", " { ");
  const std::string host = any ? "" : what.host + " . ";
  for (unsigned i = 0; i < what.count; ++i) {
    out += strings::cat(i == 0 ? "" : ", ", host, what.host_first + i, " : ", what.target, " . ", what.target_first + i);
  }
  out += " }\n";
}

struct Chain {
  std::string_view name, hook;
};
constexpr auto kChains = std::to_array<Chain>({{"publish_guard", "type filter hook prerouting priority -300"},
                                               {"publish_prerouting", "type nat hook prerouting priority -100"},
                                               {"publish_output", "type nat hook output priority -100"},
                                               {"publish_postrouting", "type nat hook postrouting priority 100"}});

// Afterwards each chain and each map is there and empty, whatever was before.
std::string emptied(std::string_view table) {
  std::string out = strings::cat("add table inet ", table, "\n");
  for (const Chain& chain : kChains) {
    out += strings::cat("add chain inet ", table, " ", chain.name, " { ", chain.hook, "; policy accept; }\n");
    out += strings::cat("flush chain inet ", table, " ", chain.name, "\n");
  }
  for (const Family& family : kFamilies) {
    const std::string value = strings::cat(" : ", family.type, " . inet_service; }\n");
    out += strings::cat("add map inet ", table, " published_", family.suffix, " { type inet_service", value);
    out +=
        strings::cat("add map inet ", table, " published_", family.suffix, "_at { type ", family.type, " . inet_service", value);
    for (const std::string_view end : {"\n", "_at\n"})
      out += strings::cat("flush map inet ", table, " published_", family.suffix, end);
  }
  return out;
}

std::string removed(std::string_view table) {
  std::string out;
  for (const Chain& chain : kChains) out += strings::cat("delete chain inet ", table, " ", chain.name, "\n");
  for (const Family& family : kFamilies) {
    for (const std::string_view end : {"\n", "_at\n"})
      out += strings::cat("delete map inet ", table, " published_", family.suffix, end);
  }
  return out;
}

// Those that name an address go before those that stand for all. ::1 is left out, where a connection is then refused at once:
// the kernel drops answers that come back to it from another interface.
void add_translations(std::string& out, std::string_view table, std::string_view chain, const Family& family) {
  const std::string begin =
      strings::cat("add rule inet ", table, " ", chain, " fib daddr type local dnat ", family.keyword, " to ");
  out += strings::cat(begin, family.keyword, " daddr . ", family.protocol, " dport map @published_", family.suffix, "_at\n");
  const std::string_view beside_loopback = family.version6 ? "ip6 daddr != ::1 " : "";
  const std::string any = strings::cat("add rule inet ", table, " ", chain, " ", beside_loopback, "fib daddr type local dnat ",
                                       family.keyword, " to ");
  out += strings::cat(any, family.protocol, " dport map @published_", family.suffix, "\n");
}

// "10.0.3.17, 10.0.3.18": the containers' addresses of one version.
std::string targets_of(const std::vector<Published>& entries, bool version6) {
  std::vector<std::string_view> targets;
  for (const Published& entry : entries) {
    if (entry.what.version6() == version6) targets.push_back(entry.what.target);
  }
  std::ranges::sort(targets);
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  std::string text;
  for (const std::string_view target : targets) text += strings::cat(text.empty() ? "" : ", ", target);
  return text;
}

// Answers must come back through the host: from containers of the same bridge, and to addresses that only the host has. Where the
// bridge itself translates (br_netfilter), the interface that a packet came in on is not known any more: neighbours are then
// answered by way of the bridge, and a container that asked for its own port is known by its address.
void add_masquerades(std::string& out, std::string_view rule, std::string_view bridge, const std::vector<Published>& entries) {
  const std::string answered = strings::cat(rule, "publish_postrouting oifname \"", bridge, "\" ct status dnat ");
  out += strings::cat(answered, "iifname \"", bridge, "\" masquerade\n", answered, "fib saddr type local masquerade\n");
  for (const bool version6 : {false, true}) {
    const std::string targets = targets_of(entries, version6);
    if (!targets.empty()) out += strings::cat(answered, version6 ? "ip6" : "ip", " saddr { ", targets, " } masquerade\n");
  }
}

// The bridge takes packets to and from 127.0.0.0/8 (route_localnet), which it needs for the answers to the host's own: real ones
// are translated later than here, so what has such an address now is somebody's attempt at the host's services.
void add_rules(std::string& out, std::string_view table, std::string_view bridge, const std::vector<Published>& entries) {
  const std::string rule = strings::cat("add rule inet ", table, " ");
  out += strings::cat(rule, "publish_guard iifname \"", bridge, "\" ip daddr 127.0.0.0/8 drop\n");
  out += strings::cat(rule, "publish_guard iifname \"", bridge, "\" ip saddr 127.0.0.0/8 drop\n");
  for (const Family& family : kFamilies) {
    if (std::ranges::none_of(entries, [&](const Published& entry) { return stands_in(family, entry.what); })) continue;
    add_translations(out, table, "publish_prerouting", family);
    add_translations(out, table, "publish_output", family);
  }
  add_masquerades(out, rule, bridge, entries);
}

std::optional<Published> parse_line(std::string_view line) {
  std::array<std::string_view, 4> words;
  for (std::string_view& word : words) {
    const std::size_t end = line.find(' ');
    if (end == std::string_view::npos) return std::nullopt;
    word = line.substr(0, end);
    line.remove_prefix(end + 1);
  }
  std::string run;
  if (const std::size_t end = line.find(' '); !line.starts_with('/') && end != std::string_view::npos) {
    run = line.substr(0, end);
    line.remove_prefix(end + 1);
  }
  auto what = parse_publication(words[0]);
  const auto pid = strings::parse_number<pid_t>(words[1]);
  const auto began = strings::parse_number<std::uint64_t>(words[2]);
  const auto index = strings::parse_number<unsigned>(words[3]);
  if (!what || !pid || *pid <= 0 || !began || !index || !line.starts_with('/')) return std::nullopt;
  return Published{std::move(*what), {*pid, *began}, *index, std::string(line), std::move(run)};
}

}  // namespace

std::string format_publication(const Publication& publication) {
  return strings::cat(publication.udp ? "udp" : "tcp", ",", publication.host.empty() ? "*" : publication.host, ",",
                      publication.host_first, ",", publication.count, ",", publication.target, ",", publication.target_first);
}

std::optional<Publication> parse_publication(std::string_view text) {
  const auto words = strings::split(text, ',');
  if (words.size() != 6 || (words[0] != "tcp" && words[0] != "udp")) return std::nullopt;
  const auto host_first = strings::parse_number<std::uint16_t>(words[2]), count = strings::parse_number<std::uint16_t>(words[3]),
             target_first = strings::parse_number<std::uint16_t>(words[5]);
  const std::string_view host = words[1] == "*" ? std::string_view() : words[1], target = words[4];
  if (!host_first || !count || !target_first || !is_range(*host_first, *count) || !is_range(*target_first, *count))
    return std::nullopt;
  if (!is_address(target) || (words[1] != "*" && (!is_address(host) || is_version6(host) != is_version6(target))))
    return std::nullopt;
  return Publication{words[0] == "udp", std::string(host), *host_first, *count, std::string(target), *target_first};
}

std::string describe_host_side(const Publication& publication) {
  const bool bracket = is_version6(publication.host);
  std::string text = publication.host.empty() ? "" : strings::cat(bracket ? "[" : "", publication.host, bracket ? "]:" : ":");
  text += strings::cat(publication.host_first);
  if (publication.count > 1) text += strings::cat("-", publication.host_first + publication.count - 1);
  return strings::cat(text, publication.udp ? "/udp" : "/tcp");
}

Result<std::vector<Published>> parse_registry(std::string_view text, std::string_view name) {
  std::vector<Published> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    auto entry = parse_line(line);
    if (!entry) {
      return fail(Error::message(strings::cat(name, ": line ", number, " is no publication: \"", strings::printable(line), "\""))
                      .hint(strings::cat("stop the containers that publish ports, then remove ", name)));
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

std::string format_registry(const std::vector<Published>& entries) {
  std::string text{kFirstLine};
  for (const Published& entry : entries) {
    text += strings::cat(format_publication(entry.what), ' ', entry.holder.pid, ' ', entry.holder.began, ' ', entry.index, ' ',
                         entry.run, entry.run.empty() ? "" : " ", entry.container, '\n');
  }
  return text;
}

std::optional<std::string_view> bridge_of_registry(std::string_view file, std::uint64_t space) {
  const std::string end = strings::cat('@', space);
  if (!file.ends_with(end) || file.size() == end.size()) return std::nullopt;
  return file.substr(0, file.size() - end.size());
}

const Published* find_conflict(const std::vector<Published>& entries, const Publication& wanted) {
  const auto clashes = [&](const Published& entry) {
    const Publication& other = entry.what;
    const bool apart =
        other.host_first + other.count <= wanted.host_first || wanted.host_first + wanted.count <= other.host_first;
    const bool other_host = !other.host.empty() && !wanted.host.empty() && other.host != wanted.host;
    return other.udp == wanted.udp && other.version6() == wanted.version6() && !apart && !other_host;
  };
  const auto found = std::ranges::find_if(entries, clashes);
  return found == entries.end() ? nullptr : &*found;
}

std::string table_of(std::string_view bridge) {
  constexpr std::size_t kHashLength = 8;
  std::string name = "berth_";
  bool exact = true;
  for (const char c : bridge) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
    name += plain ? c : '_';
    exact = exact && plain;
  }
  return exact ? name : strings::cat(name, '.', sha1_hex(bridge).substr(0, kHashLength));
}

std::string ruleset(std::string_view bridge, const std::vector<Published>& entries) {
  const std::string table = table_of(bridge);
  std::string out = emptied(table);
  if (entries.empty()) return out + removed(table);
  for (const Published& entry : entries) {
    for (const Family& family : kFamilies) {
      if (stands_in(family, entry.what)) add_elements(out, table, family, entry.what);
    }
  }
  add_rules(out, table, bridge, entries);
  return out;
}

bool is_empty_table(std::string_view listing) {
  const auto words = strings::split_words(listing);
  return words.size() == 5 && words[0] == "table" && words[3] == "{" && words[4] == "}";
}

}  // namespace berth::network
