// Configuration text of any kind: loading ends with a value or an Error, what loads can be saved and loads again to the same
// items, and every item that can be read names a key that is known.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/conflicts.hpp"
#include "config/global_text.hpp"
#include "config/parser.hpp"
#include "plan/network_section.hpp"

namespace {

using berth::config::Conf;

void require(bool holds) {
  if (!holds) std::abort();
}

// Includes would read the files of the machine.
bool has_include(std::string_view text) { return text.find("lxc.include") != std::string_view::npos; }

void check_round_trip(const Conf& conf) {
  Conf again;
  require(load_text(again, conf.unexpanded, "again").has_value());
  require(again.unexpanded == conf.unexpanded);
  require(all_items(again) == all_items(conf));
}

void check_items(Conf conf) {
  const auto items = all_items(conf);
  for (const auto& [key, value] : items) {
    require(berth::config::is_supported(key));
    require(get_item(conf, key).value_or("") == value);
    std::array<char, 64> room;
    require(copy_item(conf, key, room).value_or(0) == value.size());
    require(value.starts_with(room.data()) || value.find('\0') != value.npos);
  }
  // The networks go with lxc.net; then there is none whose subkeys could be cleared.
  for (const auto& [key, value] : items) require(clear_item(conf, key).has_value() || key.starts_with("lxc.net."));
}

// What the configuration takes, the networks can read; and numbers are within what the kernel's fields hold.
void check_networks(const Conf& conf) {
  for (const auto& network : conf.networks) {
    const auto section = berth::plan::network_section(network);
    if (!section) {
      require(section.error().origin().known());
      continue;
    }
    require(section->untagged_id < 4095 && section->vlan_id < 4095 && section->name.size() < 16);
    for (const auto& subnet : section->addresses) require(subnet.length <= subnet.address.size() * 8);
    for (const auto& subnet : section->routes) require(subnet.contains(subnet.address));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  [[maybe_unused]] const auto global = berth::config::parse_global(text);
  if (has_include(text)) return 0;
  Conf conf;
  const auto loaded = load_text(conf, text, "fuzz");
  if (!loaded) {
    require(!loaded.error().render("fuzz", "").empty());
    require(loaded.error().origin().line > 0);
    return 0;
  }
  [[maybe_unused]] const auto conflicts = find_conflicts(conf);
  check_round_trip(conf);
  check_items(conf);
  check_networks(conf);
  return 0;
}
