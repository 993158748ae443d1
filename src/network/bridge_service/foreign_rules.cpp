// Runs in: lxc-net.
#include "network/bridge_service/foreign_rules.hpp"

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "os/command.hpp"
#include "sys/file.hpp"

namespace berth::network::bridge_service {
namespace {

enum class Owner { kAdministrator, kIptables, kDocker, kUfw, kFirewalld };

// A base chain of somebody's that refuses.
struct Barrier {
  Owner owner = Owner::kAdministrator;
  bool forward = false;  // else input
  std::string chain;     // "inet filter forward"
};

std::string commands_for(const Barrier& barrier, std::string_view bridge) {
  switch (barrier.owner) {
    case Owner::kFirewalld:
      return strings::cat("firewall-cmd --permanent --zone=trusted --add-interface=", bridge, " && firewall-cmd --reload");
    case Owner::kUfw:
      if (!barrier.forward) return strings::cat("ufw allow in on ", bridge);
      return strings::cat("ufw route allow in on ", bridge, " && ufw route allow out on ", bridge);
    case Owner::kDocker:
    case Owner::kIptables: {
      const std::string_view program = barrier.chain.starts_with("ip6") ? "ip6tables" : "iptables";
      if (!barrier.forward) return strings::cat(program, " -I INPUT -i ", bridge, " -j ACCEPT");
      const std::string_view chain = barrier.owner == Owner::kDocker ? "DOCKER-USER" : "FORWARD";
      return strings::cat(program, " -I ", chain, " -i ", bridge, " -j ACCEPT && ", program, " -I ", chain, " -o ", bridge,
                          " -j ACCEPT");
    }
    case Owner::kAdministrator:
      break;
  }
  const std::string insert = strings::cat("nft insert rule ", barrier.chain, ' ');
  if (!barrier.forward) return strings::cat(insert, "iifname ", bridge, " accept");
  return strings::cat(insert, "iifname ", bridge, " accept && ", insert, "oifname ", bridge, " accept");
}

std::string warning_of(const Barrier& barrier, std::string_view bridge) {
  return strings::cat("the packet filter of this host (", barrier.chain, ") refuses ",
                      barrier.forward ? "what containers send and receive through this host" : "DHCP and DNS of containers",
                      "; to allow it: ", commands_for(barrier, bridge));
}

struct Table {
  std::string name;  // "ip filter"
  std::string_view body;
};

std::vector<Table> tables_of(std::string_view ruleset) {
  std::vector<Table> tables;
  std::size_t at = 0;
  while (at < ruleset.size()) {
    const std::size_t line_end = std::min(ruleset.find('\n', at), ruleset.size());
    const auto words = strings::split_words(ruleset.substr(at, line_end - at));
    const bool begins = words.size() == 4 && words[0] == "table" && words[3] == "{";
    const std::size_t end = begins ? std::min(ruleset.find("\n}", line_end), ruleset.size()) : line_end;
    if (begins) tables.push_back({strings::cat(words[1], ' ', words[2]), ruleset.substr(line_end, end - line_end)});
    at = end + 1;
  }
  return tables;
}

Owner owner_of(const Table& table) {
  if (table.body.find("chain ufw") != table.body.npos) return Owner::kUfw;
  if (table.body.find("chain DOCKER-USER") != table.body.npos) return Owner::kDocker;
  const bool iptables = table.name == "ip filter" || table.name == "ip6 filter";
  return iptables && table.body.find("chain FORWARD") != table.body.npos ? Owner::kIptables : Owner::kAdministrator;
}

bool names(std::string_view text, std::string_view bridge) { return text.find(strings::cat('"', bridge, '"')) != text.npos; }

// Chains whose policy is to drop, at the hooks that the bridge's traffic passes.
void find_barriers(const Table& table, std::vector<Barrier>& barriers) {
  std::string_view chain;
  for (const std::string_view line : strings::split(table.body, '\n')) {
    const auto words = strings::split_words(line);
    if (words.size() == 3 && words[0] == "chain") chain = words[1];
    const bool forward = line.find(" hook forward ") != line.npos, input = line.find(" hook input ") != line.npos;
    if ((forward || input) && line.find("type filter") != line.npos && line.find("policy drop") != line.npos)
      barriers.push_back({owner_of(table), forward, strings::cat(table.name, ' ', chain)});
  }
}

Result<std::string> output_of(std::string_view program, std::vector<std::string> arguments) {
  os::Command command;
  command.program = std::string(program);
  command.arguments = std::move(arguments);
  command.environment = {"LC_ALL=C", "PATH=" + command.search_path};
  command.output_limit = 16 << 20;
  command.timeout = std::chrono::seconds(60);
  const auto finished = os::run(command);
  if (!finished && finished.error().code() == ENOENT) return std::string();
  if (!finished) return fail(finished.error());
  if (!finished->succeeded())
    return fail(Error::message(strings::cat(program, ": ", finished->outcome()), EIO).output(finished->error_output));
  return finished->output;
}

}  // namespace

std::vector<std::string> warn_of_foreign_rules(std::string_view ruleset, std::string_view bridge) {
  std::vector<Barrier> barriers;
  for (const Table& table : tables_of(ruleset)) {
    if (names(table.body, bridge) || table.name.starts_with("inet berth_")) continue;
    // Its last rule refuses, not its policy.
    if (table.name == "inet firewalld")
      barriers.push_back({Owner::kFirewalld, true, table.name});
    else
      find_barriers(table, barriers);
  }
  std::vector<std::string> warnings;
  for (const Barrier& barrier : barriers) warnings.push_back(warning_of(barrier, bridge));
  return warnings;
}

std::vector<std::string> warn_of_legacy_rules(std::string_view rules, std::string_view bridge) {
  std::vector<std::string> warnings;
  const bool named = rules.find(strings::cat(" ", bridge, " ")) != rules.npos;
  if (named) return warnings;
  Owner owner = Owner::kIptables;
  if (rules.find("-N ufw") != rules.npos) owner = Owner::kUfw;
  if (rules.find("-N DOCKER-USER") != rules.npos) owner = Owner::kDocker;
  for (const bool forward : {true, false}) {
    const std::string_view chain = forward ? "FORWARD" : "INPUT";
    if (rules.find(strings::cat("-P ", chain, " DROP")) == rules.npos) continue;
    warnings.push_back(warning_of({owner, forward, strings::cat("iptables ", chain)}, bridge));
  }
  return warnings;
}

Result<std::vector<std::string>> find_foreign_rules(std::string_view bridge) {
  auto warnings = warn_of_foreign_rules(TRY(output_of("nft", {"list", "ruleset"})), bridge);
  // The legacy tables of this namespace; asking for one that is not there would make it.
  const auto legacy = sys::read_file("/proc/self/net/ip_tables_names");
  if (!legacy || legacy->find("filter") == std::string::npos) return warnings;
  for (std::string& warning : warn_of_legacy_rules(TRY(output_of("iptables-legacy", {"-S"})), bridge))
    warnings.push_back(std::move(warning));
  return warnings;
}

}  // namespace berth::network::bridge_service
