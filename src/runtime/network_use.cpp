// Runs in: host commands.
#include "runtime/network_use.hpp"

#include <algorithm>
#include <optional>

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

using Question = CommandClient::Question;
using Answers = std::vector<Result<CommandClient::Answer>>;

constexpr unsigned kMostIndex = 4096;  // a network of a higher number is not looked for

Question item(std::string key) { return {Command::kGetConfigItem, std::move(key)}; }

std::string text_of(Answers& answers, std::size_t at) { return answers[at] ? std::move(answers[at]->text) : std::string(); }

void ask_for_network(std::vector<Question>& questions, unsigned index) {
  for (const std::string_view key : {"type", "link", "name", "veth.pair"})
    questions.push_back(item(strings::cat("lxc.net.", index, '.', key)));
}

ConfiguredNetwork network_of(Answers& answers) {
  return {text_of(answers, 0), text_of(answers, 1), text_of(answers, 2), text_of(answers, 3)};
}

// The first number from `index` on that has a network.
std::optional<unsigned> next_number(const CommandClient& client, unsigned index) {
  constexpr unsigned kAtOnce = 16;
  for (; index < kMostIndex; index += kAtOnce) {
    std::vector<Question> questions;
    for (unsigned i = index; i < index + kAtOnce; ++i) questions.push_back(item(strings::cat("lxc.net.", i, ".type")));
    Answers answers = client.ask_all(questions);
    for (unsigned i = 0; i < kAtOnce; ++i) {
      if (!text_of(answers, i).empty()) return index + i;
    }
  }
  return std::nullopt;
}

std::size_t count_lines(std::string_view text) {
  const auto lines = strings::split(text, '\n');
  return static_cast<std::size_t>(std::ranges::count_if(lines, [](std::string_view line) { return !line.empty(); }));
}

}  // namespace

std::vector<ConfiguredNetwork> configured_networks(const CommandClient& client) {
  std::vector<ConfiguredNetwork> networks;
  std::size_t count = 0;  // as lxc.net lists their types; 0: not told, they end with the first number that has none
  for (unsigned index = 0;; ++index) {
    std::vector<Question> questions;
    ask_for_network(questions, index);
    if (index == 0) questions.push_back(item("lxc.net"));
    Answers answers = client.ask_all(questions);
    if (index == 0) count = count_lines(text_of(answers, questions.size() - 1));
    ConfiguredNetwork network = network_of(answers);
    if (!network.type.empty()) {
      networks.push_back(std::move(network));
      if (networks.size() == count) return networks;
      continue;
    }
    const auto next = networks.size() < count ? next_number(client, index + 1) : std::nullopt;
    if (!next) return networks;
    index = *next - 1;
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
