// Runs in: lxc-net.
#include "network/bridge_service/packet_filter.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "network/publish.hpp"
#include "os/command.hpp"

namespace berth::network::bridge_service {
namespace {

constexpr std::string_view kChain = "translation";

// nft and iptables are asked under their own names, in a language that is known.
os::Command command(std::string_view program, std::vector<std::string> arguments) {
  os::Command command;
  command.program = std::string(program);
  command.arguments = std::move(arguments);
  command.environment = {"LC_ALL=C", "PATH=" + command.search_path};
  command.timeout = std::chrono::seconds(60);
  return command;
}

Status feed(std::string_view program, std::vector<std::string> arguments, std::string script) {
  os::Command asked = command(program, std::move(arguments));
  asked.input = std::move(script);
  TRY(os::run_checked(asked));
  return {};
}

// Nothing: there is no such table.
Result<std::string> list_table(std::string_view bridge) {
  const auto finished = TRY(os::run(command("nft", {"list", "table", "inet", nft_table(bridge)})));
  if (finished.succeeded()) return finished.output;
  if (finished.error_output.find("No such file or directory") != std::string::npos) return std::string();
  return fail(Error::message(strings::cat("nft list table inet ", nft_table(bridge), ": ", finished.outcome()), EIO)
                  .output(finished.error_output));
}

struct Block {
  std::string_view kind, name, body;
};

// The chains, maps and sets of a table as nft lists it: "\tchain NAME {" to "\t}".
std::vector<Block> blocks_of(std::string_view listing) {
  std::vector<Block> blocks;
  std::size_t at = 0;
  while ((at = listing.find("\n\t", at)) != listing.npos) {
    at += 2;
    const std::size_t line_end = std::min(listing.find('\n', at), listing.size());
    const auto words = strings::split_words(listing.substr(at, line_end - at));
    if (words.size() != 3 || words[2] != "{") continue;
    const std::size_t end = listing.find("\n\t}", line_end);
    if (end == listing.npos) break;
    blocks.push_back({words[0], words[1], listing.substr(line_end, end - line_end)});
    at = end;
  }
  return blocks;
}

// A chain's lines but for the one that says where it hangs.
bool has_rules(std::string_view body) {
  for (const std::string_view line : strings::split(body, '\n')) {
    const std::string_view text = strings::trim(line);
    if (!text.empty() && !text.starts_with("type ")) return true;
  }
  return false;
}

std::string chain_name(std::string_view part, std::string_view bridge) { return strings::cat("berth-", part, '-', bridge); }

std::string filter_part(const BridgeSettings& settings, int version) {
  const std::string in = chain_name("in", settings.bridge), forward = chain_name("fw", settings.bridge);
  std::string text = strings::cat("*filter\n:", in, " - [0:0]\n:", forward, " - [0:0]\n");
  text += strings::cat("-A ", in, " -p udp --dport 53 -j ACCEPT\n-A ", in, " -p tcp --dport 53 -j ACCEPT\n");
  text += strings::cat("-A ", in, " -p udp --dport ", version == 4 ? 67 : 547, " -j ACCEPT\n");
  if (version == 6) text += strings::cat("-A ", in, " -p icmpv6 -j ACCEPT\n");
  return text + strings::cat("-A ", forward, " -j ACCEPT\n");
}

std::string rule_text(const IptablesRule& rule) {
  return strings::cat(rule.chain, ' ', strings::join(rule.words, " "), " -j ", rule.target, '\n');
}

std::vector<std::string> rule_arguments(std::string_view verb, const IptablesRule& rule) {
  std::vector<std::string> arguments{"-w", "-t", rule.table, std::string(verb), rule.chain};
  arguments.insert(arguments.end(), rule.words.begin(), rule.words.end());
  arguments.insert(arguments.end(), {"-j", rule.target});
  return arguments;
}

// The settings as far as rules name them, for taking rules away. The networks stand in none of them.
std::vector<IptablesRule> rules_of_bridge(const std::string& bridge) {
  return {{"filter", "INPUT", {"-i", bridge}, chain_name("in", bridge)},
          {"filter", "FORWARD", {"-i", bridge}, chain_name("fw", bridge)},
          {"filter", "FORWARD", {"-o", bridge}, chain_name("fw", bridge)},
          {"nat", "POSTROUTING", {"!", "-o", bridge}, chain_name("nat", bridge)}};
}

Result<bool> succeeds(std::string_view program, std::vector<std::string> arguments) {
  return TRY(os::run(command(program, std::move(arguments)))).succeeded();
}

}  // namespace

std::string_view filter_name(FilterKind kind) { return kind == FilterKind::kNft ? "nft" : "iptables"; }

std::string nft_table(std::string_view bridge) { return table_of(bridge); }

// Nothing is accepted here, as that would count for nothing: a packet has to pass the chains of all tables, and those of others
// may refuse it whatever this one says. foreign_rules.hpp finds those.
std::string nft_start_script(const BridgeSettings& settings) {
  const std::string table = strings::cat("inet ", nft_table(settings.bridge)), chain = strings::cat(table, ' ', kChain);
  const std::string outward = strings::cat("add rule ", chain, " oifname != \"", settings.bridge, "\" ");
  std::string text = strings::cat("add table ", table, "\nadd chain ", chain,
                                  " { type nat hook postrouting priority srcnat; policy accept; }\nflush chain ", chain, '\n');
  text += strings::cat(outward, "ip saddr ", format(settings.ipv4.network), " counter masquerade\n");
  if (settings.ipv6 && settings.ipv6->translated)
    text += strings::cat(outward, "ip6 saddr ", format(settings.ipv6->network), " counter masquerade\n");
  return text;
}

std::string nft_stop_script(std::string_view bridge, std::string_view listing) {
  const std::string table = strings::cat("inet ", nft_table(bridge));
  if (listing.empty()) return {};
  if (!holds_published_ports(listing)) return strings::cat("delete table ", table, '\n');
  for (const Block& block : blocks_of(listing)) {
    if (block.kind == "chain" && block.name == kChain)
      return strings::cat("flush chain ", table, ' ', kChain, "\ndelete chain ", table, ' ', kChain, '\n');
  }
  return {};
}

bool holds_published_ports(std::string_view listing) {
  bool maps = false, elements = false, rules = false;
  for (const Block& block : blocks_of(listing)) {
    if (block.name.starts_with("published_") && block.kind != "chain") {
      maps = true;
      elements = elements || block.body.find("elements = {") != block.body.npos;
    }
    if (block.name.starts_with("publish_") && block.kind == "chain") rules = rules || has_rules(block.body);
  }
  return maps ? elements : rules;
}

bool holds_translation(std::string_view listing) {
  for (const Block& block : blocks_of(listing)) {
    if (block.kind == "chain" && block.name == kChain) return has_rules(block.body);
  }
  return false;
}

std::vector<IptablesRule> iptables_rules(const BridgeSettings& settings) { return rules_of_bridge(settings.bridge); }

std::string iptables_start_script(const BridgeSettings& settings, int version) {
  const bool translated = version == 4 || (settings.ipv6 && settings.ipv6->translated);
  const std::string nat = chain_name("nat", settings.bridge);
  const std::string network = version == 4 ? format(settings.ipv4.network) : format(settings.ipv6->network);
  std::string filter = filter_part(settings, version);
  std::string translation = strings::cat("*nat\n:", nat, " - [0:0]\n-A ", nat, " -s ", network, " -j MASQUERADE\n");
  for (const IptablesRule& rule : iptables_rules(settings)) {
    // Before what may refuse it; translation behind what others translate.
    if (rule.table == "filter") filter += strings::cat("-I ", rule_text(rule));
    if (rule.table == "nat") translation += strings::cat("-A ", rule_text(rule));
  }
  return strings::cat(filter, "COMMIT\n", translated ? strings::cat(translation, "COMMIT\n") : "");
}

Result<FilterKind> PacketFilter::choose(const BridgeSettings& settings) {
  if (settings.use_nft && os::has_program("nft")) return FilterKind::kNft;
  if (os::has_program("iptables")) return FilterKind::kIptables;
  return fail(Error::message(settings.use_nft ? "neither nft nor iptables is on this host"
                                              : "iptables is not on this host, and LXC_USE_NFT is false",
                             ENOENT)
                  .hint(settings.use_nft ? "install one: apt install nftables" : "apt install iptables, or LXC_USE_NFT=true"));
}

Status PacketFilter::start(const BridgeSettings& settings) const {
  if (kind_ == FilterKind::kIptables) return start_iptables(settings);
  return with_context(feed("nft", {"-f", "-"}, nft_start_script(settings)), "setting up address translation");
}

Status PacketFilter::start_iptables(const BridgeSettings& settings) const {
  TRY(stop());  // restoring would put its rules beside those that are there
  TRY_CONTEXT(feed("iptables-restore", {"-w", "--noflush"}, iptables_start_script(settings, 4)),
              "setting up address translation");
  if (!settings.ipv6) return {};
  return with_context(feed("ip6tables-restore", {"-w", "--noflush"}, iptables_start_script(settings, 6)),
                      "setting up address translation of IPv6");
}

Result<bool> PacketFilter::stop() const {
  if (kind_ == FilterKind::kIptables) {
    for (const std::string_view program : {"iptables", "ip6tables"}) {
      if (os::has_program(std::string(program))) TRY(stop_iptables(program));
    }
    return false;
  }
  const std::string listing = TRY(list_table(bridge_));
  const std::string script = nft_stop_script(bridge_, listing);
  if (!script.empty()) TRY_CONTEXT(feed("nft", {"-f", "-"}, script), "removing address translation");
  return holds_published_ports(listing);
}

Status PacketFilter::stop_iptables(std::string_view program) const {
  for (const IptablesRule& rule : rules_of_bridge(bridge_)) {
    // A rule that leads to a chain which is not there can't be asked for.
    if (!TRY(succeeds(program, {"-w", "-t", rule.table, "-n", "-L", rule.target}))) continue;
    while (TRY(succeeds(program, rule_arguments("-C", rule))))
      TRY_CONTEXT(os::run_checked(command(program, rule_arguments("-D", rule))), "removing a rule");
  }
  for (const auto& [table, part] : {std::pair("filter", "in"), std::pair("filter", "fw"), std::pair("nat", "nat")}) {
    const std::string chain = chain_name(part, bridge_);
    if (!TRY(succeeds(program, {"-w", "-t", table, "-n", "-L", chain}))) continue;
    TRY_CONTEXT(os::run_checked(command(program, {"-w", "-t", table, "-F", chain})), "emptying a chain");
    TRY_CONTEXT(os::run_checked(command(program, {"-w", "-t", table, "-X", chain})), "removing a chain");
  }
  return {};
}

Result<bool> PacketFilter::present(const BridgeSettings& settings) const {
  if (kind_ == FilterKind::kNft) return holds_translation(TRY(list_table(bridge_)));
  for (const IptablesRule& rule : rules_of_bridge(bridge_)) {
    if (!TRY(succeeds("iptables", rule_arguments("-C", rule)))) return false;
    const bool also6 = settings.ipv6 && (rule.table != "nat" || settings.ipv6->translated);
    if (also6 && !TRY(succeeds("ip6tables", rule_arguments("-C", rule)))) return false;
  }
  return true;
}

}  // namespace berth::network::bridge_service
