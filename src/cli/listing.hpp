// What lxc-ls knows of containers: which there are, and the facts of each that the chosen columns need.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/command_protocol.hpp"

namespace berth::cli {

// Facts that cost something to get. Bits.
enum Need : unsigned {
  kNeedState = 1U << 0,       // a question to each monitor
  kNeedPid = 1U << 1,         // another one
  kNeedConfig = 1U << 2,      // reading each configuration
  kNeedAddresses = 1U << 3,   // visiting each network namespace
  kNeedInterfaces = 1U << 4,  // the same, with another question to the kernel
  kNeedMemory = 1U << 5,      // reading each memory group
};

struct Listed {
  std::string name;
  unsigned depth = 0;  // 1 = inside a container of this list
  std::string parent;  // "outer/" of a nested one
  bool defined = false, active = false;
  std::optional<runtime::State> state = runtime::State::kStopped;  // nothing: its monitor does not answer us
  std::optional<pid_t> pid;
  bool autostart = false, unprivileged = false;
  std::vector<std::string> groups, interfaces, ipv4, ipv6;
  std::optional<std::uint64_t> memory, swap;
};

struct Selection {
  std::string lxcpath;
  std::optional<std::string> pattern;  // extended regular expression
  std::vector<std::string> groups;     // a container must have all
  bool only_active = false, only_defined = false;
  bool running = false, frozen = false, stopped = false;  // none: any state
  unsigned nesting = 0;                                   // levels below
};

Result<std::vector<Listed>> list_containers(const Selection& selection, unsigned needs);

// --- columns -----------------------------------------------------------------------------------------------------------
struct Column {
  const char* name;
  unsigned needs;
  std::string (*text)(const Listed& container);  // "" is shown as "-"
};
std::span<const Column> columns();
// "NAME,STATE", any case. Error: a word that is no column, with those that are.
Result<std::vector<const Column*>> parse_columns(std::string_view text);
inline constexpr std::string_view kDefaultColumns = "NAME,STATE,AUTOSTART,GROUPS,IPV4,IPV6,UNPRIVILEGED";

}  // namespace berth::cli
