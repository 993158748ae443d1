// The key table: one row a configuration key. Parser, getter, clear, list_keys, documentation and completion all come from it.
//
// To add a key: one row in the section's keys_*.cpp, the member of Conf that it fills, its use. Tests check that each row has
// documentation, an example value, and that the value survives set, get, save and load.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/conf.hpp"
#include "config/text_writer.hpp"

namespace berth::config {

struct Key;

// A key as somebody wrote it, resolved to its row.
struct KeyRef {
  const Key* key = nullptr;
  std::string_view name = {};  // as written: "lxc.prlimit.nofile", "lxc.net.0.type"
  std::string_view sub;        // what follows a prefix row's name: "nofile", "0"; empty for exact rows and for the whole prefix
  unsigned index = 0;          // N of lxc.net.N
};

// The row by its own name; without a key where that name alone is none (lxc.namespace.share).
KeyRef exact_reference(const Key& key);

// One value on its way into Conf. `value` is trimmed, unquoted and not empty.
struct Assignment {
  const KeyRef& ref;
  std::string_view value;
  const Origin& origin;
  unsigned column = 0;  // of the value in its line, counted from 1; 0 = not from a file
};

// How a row's value gets into Conf, out of it, and back to its default. `set` changes nothing when it fails. `get` takes no
// memory unless it fails.
struct Codec {
  Status (*set)(Conf& conf, const Assignment& assignment) = nullptr;
  Status (*get)(const Conf& conf, const KeyRef& ref, TextWriter& out) = nullptr;
  void (*clear)(Conf& conf, const KeyRef& ref) = nullptr;
  // Prefix rows where not every name can stand behind the prefix: the Error says which ones can.
  Status (*check_name)(const KeyRef& ref) = nullptr;
};

enum KeyFlag : unsigned {
  kList = 1,          // repeated lines add; an empty value clears
  kPrefix = 2,        // NAME.ANYTHING belongs to this row
  kLive = 4,          // read whenever it is used: a change needs no restart of the container
  kInclude = 8,       // an action of the parser; has no value to get
  kValueless = 16,    // the bare name takes only the empty value
  kEmptyIsZero = 32,  // "KEY =" means 0, though clearing gives another default
};

// Names with different marks are different (FNV-1a). To compare marks is a fraction of the work of comparing names.
constexpr std::uint32_t name_mark(std::string_view name) {
  std::uint32_t mark = 2166136261U;
  for (const char c : name) mark = (mark ^ static_cast<unsigned char>(c)) * 16777619U;
  return mark;
}

struct Key {
  std::string_view name = {};  // prefix rows: without the final dot; network subkeys: "lxc.net.N.type"
  unsigned flags = 0;          // KeyFlag
  Codec codec = {};
  std::string_view syntax = {};    // of the value, for the manual page and completion: "0|1", "PATH"
  std::string_view example = {};   // a valid value; prefix rows: "SUB = VALUE"
  std::string_view initial = {};   // what an unset key means, for the manual page
  std::string_view since = "2.1";  // first LXC release with this name; "berth" = ours
  std::string_view documentation = {};
  std::uint32_t mark = name_mark(name);

  [[nodiscard]] bool is(KeyFlag flag) const { return (flags & flag) != 0; }
};

// Rows of one topic in the order of the manual page.
struct KeySection {
  std::string_view title;
  std::span<const Key> keys;
};
std::span<const KeySection> key_sections();

// Subkeys of lxc.net.N; their names hold a literal N.
std::span<const Key> network_keys();

// The row for a key as written; `key == nullptr` when there is none.
KeyRef find_key(std::string_view name);

// The known name nearest to a misspelt key ("lxc.rootfs.path" for "lxc.rootfs.pth"); empty when nothing is near.
std::string nearest_key(std::string_view name);

}  // namespace berth::config
