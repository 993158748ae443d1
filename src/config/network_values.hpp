// Values of lxc.net.N subkeys.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_table.hpp"

namespace berth::config {

// Can a network of this type have the subkey ("veth.pair")? The common ones can stand in any; without a type only those.
bool type_has_subkey(std::string_view type, std::string_view subkey);
// The only type that can have the subkey: "veth" of "veth.pair" and of "publish"; empty: several can.
std::string_view subkey_owner(std::string_view subkey);
// The name of the row without "lxc.net.N.".
std::string_view network_subkey(const Key& key);

// The row is that of lxc.net.N.hwaddr.
bool is_hardware_address(const KeyRef& ref);

// Replaces each x of "10:66:6a:xx:xx:xx" by a random digit; the second digit so that the address is a unicast one. A text that is
// not a template stays as it is.
Status fill_hardware_address(std::span<char> text);

// "10.0.0.2/24" from itself, or from "10.0.0.2" (length by class); a broadcast address may follow.
struct NetworkAddress {
  std::string text;       // with its length
  std::string broadcast;  // as written; empty = computed
};
std::optional<NetworkAddress> parse_ipv4_address(std::string_view text);
// "2001:db8::2/64"; 64 when no length is given.
std::optional<NetworkAddress> parse_ipv6_address(std::string_view text);

bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
bool is_hardware_address_text(std::string_view text);  // six pairs of hexadecimal digits
bool is_interface_name(std::string_view text);         // at most 15 characters, none of them '/' or blank

}  // namespace berth::config
