// The settings files of lxc-net, which administrators write by hand, and the other texts that it reads: leases that name guests,
// rules of other programs.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "network/bridge_service/foreign_rules.hpp"
#include "network/bridge_service/journal.hpp"
#include "network/bridge_service/packet_filter.hpp"
#include "network/bridge_service/resolver.hpp"
#include "network/bridge_service/settings.hpp"

using namespace berth::network::bridge_service;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// Settings without problems can be written into rules and arguments: nothing in them ends a word or a line.
void check_usable(const BridgeSettings& settings) {
  require(is_bridge_name(settings.bridge));
  require(settings.ipv4.network.contains(settings.ipv4.address) && settings.ipv4.network.contains(settings.ipv4.first) &&
          settings.ipv4.network.contains(settings.ipv4.last) && settings.ipv4.first <= settings.ipv4.last);
  require(settings.ipv4.most_leases > 0);
  if (settings.ipv6) require(settings.ipv6->network.contains(settings.ipv6->address));
  for (const std::string& argument : resolver_arguments(settings, {"/run/lxc", settings.bridge}, "nobody"))
    require(argument.starts_with("--") && argument.find('\n') == argument.npos && argument.find('\0') == argument.npos);
  require(nft_start_script(settings).find(settings.bridge) != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  SettingsFileReader reader([&](const std::string&) -> berth::Result<std::string> { return text; });
  reader.read("/settings", false);
  const CheckedSettings checked = check_settings(reader.take(), "0123456789abcdef0123456789abcdef");
  (void)describe(checked.problems);
  if (checked.problems.empty()) check_usable(checked.settings);
  for (const Lease& lease : parse_leases(text, 1)) require(!lease.address.empty());
  (void)warn_of_foreign_rules(text, "lxcbr0");
  (void)warn_of_legacy_rules(text, "lxcbr0");
  (void)nft_stop_script("lxcbr0", text);
  if (const auto journal = parse_journal(text)) require(*parse_journal(to_text(*journal)) == *journal);
  return 0;
}
