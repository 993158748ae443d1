// Runs in: the starting command.
#include "network/address_use.hpp"

#include "base/ip_address.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::network {
namespace {

constexpr std::string_view kNote = "berth:";
constexpr std::size_t kLongestNote = 255;  // IFALIASZ - 1

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

std::string format_address_note(const AddressNote& note) {
  std::string text(kNote);
  for (const std::string& address : note.addresses) {
    if (text.size() + address.size() + note.container.size() + 2 <= kLongestNote) text += strings::cat(' ', address);
  }
  if (text.size() == kNote.size()) return {};
  return strings::cat(text, ' ', note.container);
}

std::optional<AddressNote> parse_address_note(std::string_view alias) {
  if (!alias.starts_with(kNote)) return std::nullopt;
  const std::size_t slash = alias.find(" /");
  if (slash == std::string_view::npos) return std::nullopt;
  AddressNote note{std::string(alias.substr(slash + 1)), {}};
  for (const std::string_view word : strings::split_words(alias.substr(kNote.size(), slash - kNote.size()))) {
    auto address = canonical(word);
    if (!address) return std::nullopt;
    note.addresses.push_back(std::move(*address));
  }
  return note;
}

bool container_runs(std::string_view container) {
  const std::string name = strings::cat("@", container, "/command");
  const auto sockets = sys::read_file("/proc/net/unix");
  return !sockets || sockets->find(name + "\n") != std::string::npos;
}

// The kernel removes a pair some time after its container has ended: who does not run has no address.
Result<std::vector<AddressNote>> noted_addresses(const Host& host, int bridge, std::string_view asking) {
  std::vector<AddressNote> notes;
  for (const os::Link& port : TRY(host.ports_of(bridge))) {
    auto note = parse_address_note(port.alias);
    if (note && note->container != asking && container_runs(note->container)) notes.push_back(std::move(*note));
  }
  return notes;
}

Result<AddressUse> addresses_in_use(const Host& host, const os::LinkDetails& bridge, std::string_view asking) {
  AddressUse use;
  if (const auto leases = sys::read_file(strings::cat("/var/lib/misc/dnsmasq.", bridge.name, ".leases")))
    add_leases(use.leased, *leases);
  for (const os::LinkAddress& own : TRY(host.addresses_of(bridge.index))) {
    if (auto address = canonical(own.text)) use.leased.insert(std::move(*address));
  }
  for (AddressNote& note : TRY(noted_addresses(host, bridge.index, asking)))
    use.leased.insert(note.addresses.begin(), note.addresses.end());
  for (std::string& address : TRY(host.neighbours_of(bridge.index))) use.met.insert(std::move(address));
  return use;
}

}  // namespace berth::network
