// Runs in: host commands.
#include "runtime/rates.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace berth::runtime {
namespace {

using Between = std::chrono::nanoseconds;

// The same interface: an index is given once in the life of a network namespace.
const os::Link* find_same(const std::vector<os::Link>& links, const os::Link& link) {
  const auto found = std::ranges::find(links, link.index, &os::Link::index);
  return found == links.end() ? nullptr : &*found;
}

InterfaceRates interface_rates(const std::vector<os::Link>& before, const os::Link& link, Between between) {
  const os::Link* earlier = find_same(before, link);
  if (earlier == nullptr || !earlier->counters || !link.counters) return {};
  return {rate(earlier->counters->rx_bytes, link.counters->rx_bytes, between),
          rate(earlier->counters->tx_bytes, link.counters->tx_bytes, between)};
}

void add(Rate& sum, const Rate& rate) {
  if (rate) sum = sum.value_or(0) + *rate;
}

Rates rates_of(const Usage& before, const Usage& now, Between between) {
  constexpr double kNanoseconds = 1e9;
  Rates rates;
  if (before.load.stats.cpu_ns && now.load.stats.cpu_ns) {
    const Rate nanoseconds = rate(*before.load.stats.cpu_ns, *now.load.stats.cpu_ns, between);
    if (nanoseconds) rates.cpu = *nanoseconds / kNanoseconds;
  }
  if (!before.interfaces || !now.interfaces) return rates;
  for (const os::Link& link : *now.interfaces) {
    const InterfaceRates& made = rates.interfaces.emplace_back(interface_rates(*before.interfaces, link, between));
    add(rates.received, made.received);
    add(rates.sent, made.sent);
  }
  return rates;
}

}  // namespace

Rate rate(std::uint64_t before, std::uint64_t now, Between between) {
  if (now < before || between <= Between::zero()) return std::nullopt;
  return static_cast<double>(now - before) / std::chrono::duration<double>(between).count();
}

std::vector<Rates> rates_between(const Sample& before, const Sample& now) {
  using Key = std::pair<std::string_view, std::string_view>;
  std::map<Key, const Usage*> earlier;
  for (const Usage& usage : before.usages) earlier.emplace(Key(usage.lxcpath, usage.name), &usage);
  std::vector<Rates> all;
  all.reserve(now.usages.size());
  for (const Usage& usage : now.usages) {
    const auto found = earlier.find(Key(usage.lxcpath, usage.name));
    const bool same = found != earlier.end() && found->second->init == usage.init;
    Rates& rates = all.emplace_back(same ? rates_of(*found->second, usage, usage.monotonic - found->second->monotonic) : Rates{});
    rates.interfaces.resize(usage.interfaces ? usage.interfaces->size() : 0);
  }
  return all;
}

}  // namespace berth::runtime
