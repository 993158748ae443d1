// Runs in: berth-archive.
#include "member.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/strings.hpp"

namespace berth::archive {
namespace {

Error refused(std::string_view name, std::string_view why) {
  constexpr std::size_t kShown = 200;
  return Error::message(
             strings::cat("the archive has a member that is refused: '", strings::printable(name.substr(0, kShown)), "'"), EPERM)
      .because(why)
      .hint("it was not made by berth export, or has been tampered with: trust nothing of it");
}

struct Device {
  unsigned major, minor;
};
// memory devices, terminals, tun, fuse, whiteout: the names in Documentation/admin-guide/devices.txt of the kernel.
constexpr auto kUsual =
    std::to_array<Device>({{0, 0}, {1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}, {10, 200}, {10, 229}});
constexpr unsigned kConsoles = 4, kLastConsole = 63;  // tty0 to tty63

constexpr std::string_view kDigits = "0123456789abcdef";

bool is_plain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '='; }) && !name.starts_with("berth.");
}

}  // namespace

Result<std::vector<std::string_view>> components_of(std::string_view name) {
  if (name.starts_with('/')) return fail(refused(name, "an absolute path"));
  if (name.find('\0') != name.npos) return fail(refused(name, "a NUL in a name"));
  std::string_view rest = name;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto pieces = strings::split(rest, '/');
  if (pieces.size() > kDeepest) return fail(refused(name, "more directories in each other than berth goes down"));
  for (const std::string_view piece : pieces) {
    if (piece.empty() || piece == "." || piece == "..") return fail(refused(name, "a path that leads elsewhere than it says"));
    if (piece.size() > kLongestName) return fail(refused(name, "a name of more than 255 bytes"));
  }
  return pieces;
}

Result<Placed> place_of(std::string_view name) {
  const auto pieces = TRY(components_of(name));
  const std::string_view first = pieces.front();
  std::size_t used = 1;
  if (first == "snapshots" && pieces.size() >= 3 && (pieces[2] == "root" || pieces[2] == "container")) used = 3;
  if (used == 1 && first != "root" && first != "container" && first != "stream") return fail(refused(name, "an unknown place"));
  Placed placed;
  for (const std::string_view piece : std::span(pieces).first(used))
    placed.place += strings::cat(placed.place.empty() ? "" : "/", piece);
  placed.below.assign(pieces.begin() + static_cast<std::ptrdiff_t>(used), pieces.end());
  return placed;
}

bool is_usual_device(mode_t type, unsigned major, unsigned minor) {
  if (type != S_IFCHR) return false;
  if (major == kConsoles) return minor <= kLastConsole;
  return std::ranges::any_of(kUsual, [&](const Device& one) { return one.major == major && one.minor == minor; });
}

std::string escaped_attribute(std::string_view name) {
  if (is_plain(name)) return std::string(name);
  std::string text{kEscapePrefix};
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xFU]);
  }
  return text;
}

Result<std::string> unescaped_attribute(std::string_view name) {
  if (!name.starts_with(kEscapePrefix)) return std::string(name);
  const std::string_view digits = name.substr(kEscapePrefix.size());
  std::string text;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto byte = strings::parse_number<unsigned char>(digits.substr(i, 2), 16);
    if (!byte || *byte == 0) return fail(refused(name, "an extended attribute's name that can't be read"));
    text.push_back(static_cast<char>(*byte));
  }
  if (text.empty() || digits.size() % 2 != 0) return fail(refused(name, "an extended attribute's name that can't be read"));
  return text;
}

}  // namespace berth::archive
