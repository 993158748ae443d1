// Runs in: the starting command.
#include "network/address_use.hpp"

#include "base/ip_address.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::network {
namespace {

constexpr unsigned kComplete = 0x2;  // ATF_COM of <net/if_arp.h>

template <typename Visit>
void each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(strings::split_words(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::optional<std::string> canonical(std::string_view text) {
  if (ip::parse_version4(text)) return std::string(text);
  const auto version6 = ip::parse_version6(text);
  return version6 ? std::optional(ip::format_version6(*version6)) : std::nullopt;
}

}  // namespace

void add_leases(AddressSet& addresses, std::string_view text) {
  each_line(text, [&](const std::vector<std::string_view>& words) {
    if (words.size() < 4) return;
    if (auto address = canonical(words[2])) addresses.insert(std::move(*address));
  });
}

void add_neighbours(AddressSet& addresses, std::string_view text, std::string_view device) {
  each_line(text, [&](const std::vector<std::string_view>& words) {
    if (words.size() != 6 || words[5] != device || !words[2].starts_with("0x")) return;
    const auto flags = strings::parse_number<unsigned>(words[2].substr(2), 16);
    if (!flags || (*flags & kComplete) == 0) return;
    if (auto address = canonical(words[0])) addresses.insert(std::move(*address));
  });
}

AddressUse addresses_in_use(const std::string& bridge) {
  AddressUse use;
  if (const auto leases = sys::read_file(strings::cat("/var/lib/misc/dnsmasq.", bridge, ".leases")))
    add_leases(use.leased, *leases);
  if (const auto neighbours = sys::read_file("/proc/net/arp")) add_neighbours(use.met, *neighbours, bridge);
  return use;
}

}  // namespace berth::network
