// Runs in: host commands, the monitor.
#include "runtime/command_protocol.hpp"

#include <array>

#include "base/strings.hpp"

namespace berth::runtime {
namespace {

constexpr std::array<std::string_view, kStates> kStateNames = {"STOPPED",  "STARTING", "RUNNING", "STOPPING",
                                                               "ABORTING", "FREEZING", "FROZEN",  "THAWED"};

// 64-bit FNV-1a (RFC draft eastlake-fnv), which LXC uses for addresses that do not fit.
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string hexadecimal(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

}  // namespace

std::string_view state_name(State state) {
  const auto index = static_cast<std::size_t>(state);
  return index < kStateNames.size() ? kStateNames[index] : std::string_view("UNKNOWN");
}

std::optional<State> parse_state(std::string_view name) {
  for (std::size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<State>(i);
  }
  return std::nullopt;
}

std::string hashed_name(std::string_view owner) { return hexadecimal(fnv1a(owner)); }

std::string command_socket_name(std::string_view lxcpath, std::string_view name) {
  const std::string owner = strings::cat(lxcpath, '/', name);
  std::string plain = owner + "/command";
  if (plain.size() <= kPlainSocketNameMax) return plain;
  return strings::cat("lxc/", hashed_name(owner), "/command");
}

}  // namespace berth::runtime
