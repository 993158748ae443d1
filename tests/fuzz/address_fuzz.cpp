// The address book, the registry of published ports, and files of others that tell of addresses: what is read is written the same
// again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "network/address_book.hpp"
#include "network/address_use.hpp"
#include "network/neighbours.hpp"
#include "network/publish.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::network;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  AddressSet addresses;
  add_leases(addresses, text);
  if (const auto note = parse_address_note(text); note && !note->addresses.empty() && text.size() < 200) {
    const auto again = parse_address_note(format_address_note(*note));
    if (!again || again->container != note->container || again->addresses != note->addresses) std::abort();
  }
  static_cast<void>(parse_neighbour({reinterpret_cast<const std::byte*>(data), size}));
  if (const auto published = parse_registry(text, "registry")) {
    const auto again = parse_registry(format_registry(*published), "registry");
    if (!again || *again != *published) std::abort();
  }
  const auto entries = parse_address_book(text, "book");
  if (!entries) return 0;
  const auto again = parse_address_book(format_address_book(*entries), "book");
  if (!again || *again != *entries) std::abort();
  return 0;
}
