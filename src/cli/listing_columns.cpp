// Runs in: host commands.
#include <strings.h>

#include "base/strings.hpp"
#include "cli/listing.hpp"
#include "cli/units.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kSeparator = ", ";

std::string name_text(const Listed& c) { return c.depth == 0 ? c.name : strings::cat(std::string(c.depth, ' '), "\\", c.name); }
std::string state_text(const Listed& c) { return c.state ? std::string(runtime::state_name(*c.state)) : ""; }
std::string pid_text(const Listed& c) { return c.pid ? std::to_string(*c.pid) : ""; }
std::string ram_text(const Listed& c) { return c.memory ? megabytes(*c.memory) : ""; }
std::string swap_text(const Listed& c) { return c.swap ? megabytes(*c.swap) : ""; }
std::string autostart_text(const Listed& c) { return c.autostart ? "1" : "0"; }
std::string groups_text(const Listed& c) { return strings::join(c.groups, kSeparator); }
// The container names its interfaces, and may try the terminal.
std::string interface_text(const Listed& c) {
  std::vector<std::string> names;
  for (const std::string& name : c.interfaces) names.push_back(strings::printable(name));
  return strings::join(names, kSeparator);
}
std::string ipv4_text(const Listed& c) { return strings::join(c.ipv4, kSeparator); }
std::string ipv6_text(const Listed& c) { return strings::join(c.ipv6, kSeparator); }
std::string unprivileged_text(const Listed& c) { return c.unprivileged ? "true" : "false"; }

constexpr Column kColumns[] = {
    {"NAME", 0, name_text},
    {"STATE", kNeedState, state_text},
    {"PID", kNeedPid, pid_text},
    {"RAM", kNeedMemory, ram_text},
    {"SWAP", kNeedMemory, swap_text},
    {"AUTOSTART", kNeedConfig, autostart_text},
    {"GROUPS", kNeedConfig, groups_text},
    {"INTERFACE", kNeedInterfaces, interface_text},
    {"IPV4", kNeedAddresses, ipv4_text},
    {"IPV6", kNeedAddresses, ipv6_text},
    {"UNPRIVILEGED", kNeedConfig, unprivileged_text},
};

const Column* find_column(std::string_view word) {
  for (const Column& column : kColumns) {
    const std::string_view name = column.name;
    if (name.size() == word.size() && ::strncasecmp(name.data(), word.data(), name.size()) == 0) return &column;
  }
  return nullptr;
}

}  // namespace

std::span<const Column> columns() { return kColumns; }

Result<std::vector<const Column*>> parse_columns(std::string_view text) {
  std::vector<const Column*> chosen;
  for (const std::string_view word : strings::split_words(text, ", ")) {
    const Column* column = find_column(word);
    if (column == nullptr) {
      return fail(Error::message(strings::cat("Invalid key: ", word))
                      .hint("NAME, STATE, PID, RAM, SWAP, AUTOSTART, GROUPS, INTERFACE, IPV4, IPV6, UNPRIVILEGED"));
    }
    chosen.push_back(column);
  }
  if (chosen.empty()) return fail("-F needs at least one column");
  return chosen;
}

}  // namespace berth::cli
