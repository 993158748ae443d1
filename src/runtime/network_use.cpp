// Runs in: host commands.
#include "runtime/network_use.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"

namespace berth::runtime {
namespace {

const os::Link* find(const std::vector<os::Link>& links, std::string_view name) {
  const auto found = std::ranges::find(links, name, &os::Link::name);
  return found == links.end() ? nullptr : &*found;
}

// lxc.net.N.link of a phys network can be the beginning of a name.
bool is_called(const os::Link& link, std::string_view wanted) {
  if (wanted.ends_with('+')) return link.name.starts_with(wanted.substr(0, wanted.size() - 1));
  return link.name == wanted || std::ranges::find(link.other_names, wanted) != link.other_names.end();
}

// The interface that a network is inside: by its name; else a phys one by that of the host, and the others by their kind and what
// they stand on, in the order in which they were made. Each interface is taken once.
class Matcher {
 public:
  Matcher(const std::vector<os::Link>& host, const std::vector<os::Link>& inside) : host_(host), left_(inside) {}

  std::optional<os::Link> take(const ConfiguredNetwork& network) {
    if (!network.name.empty()) return take_if([&](const os::Link& link) { return link.name == network.name; });
    if (network.type == "phys") return take_if([&](const os::Link& link) { return is_called(link, network.link); });
    const os::Link* below = find(host_, network.link);
    if (below == nullptr) return std::nullopt;
    return take_if([&](const os::Link& link) { return link.kind == network.type && link.below == below->index; });
  }

 private:
  template <typename Wanted>
  std::optional<os::Link> take_if(Wanted wanted) {
    const auto found = std::ranges::find_if(left_, wanted);
    if (found == left_.end()) return std::nullopt;
    os::Link link = std::move(*found);
    left_.erase(found);
    return link;
  }

  const std::vector<os::Link>& host_;
  std::vector<os::Link> left_;
};

}  // namespace

std::vector<ConfiguredNetwork> configured_networks(const CommandClient& client) {
  constexpr auto kKeys = std::to_array<std::string_view>({"type", "link", "name", "veth.pair"});
  std::vector<ConfiguredNetwork> networks;
  for (std::size_t i = 0;; ++i) {
    std::vector<CommandClient::Question> questions;
    for (const std::string_view key : kKeys)
      questions.push_back({Command::kGetConfigItem, strings::cat("lxc.net.", i, '.', key)});
    auto answers = client.ask_all(questions);
    const auto text = [&](std::size_t at) { return answers[at] ? std::move(answers[at]->text) : std::string(); };
    ConfiguredNetwork network{text(0), text(1), text(2), text(3)};
    if (network.type.empty()) return networks;
    networks.push_back(std::move(network));
  }
}

std::vector<NetworkUse> network_use(const std::vector<ConfiguredNetwork>& networks, const std::vector<os::Link>& host,
                                    const std::vector<os::Link>& inside) {
  Matcher matcher(host, inside);
  std::vector<NetworkUse> uses;
  for (const ConfiguredNetwork& network : networks) {
    if (network.host_name().empty()) continue;
    if (network.is_veth()) {
      // What the host receives there, the container sent.
      const os::Link* end = find(host, network.pair);
      if (end != nullptr && end->counters) uses.push_back({network.pair, end->counters->rx_bytes, end->counters->tx_bytes});
      continue;
    }
    const auto link = matcher.take(network);
    if (link && link->counters) uses.push_back({network.link, link->counters->tx_bytes, link->counters->rx_bytes});
  }
  return uses;
}

}  // namespace berth::runtime
