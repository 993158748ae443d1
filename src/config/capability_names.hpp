// Names of capabilities as lxc.cap.drop and lxc.cap.keep write them: capabilities(7) in lower case without CAP_.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/strings.hpp"

namespace berth::config {

// The index is the number that linux/capability.h gives.
inline constexpr std::array<std::string_view, 41> kCapabilityNames = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

// The kernel's capability sets have 64 bits.
inline constexpr unsigned kCapabilityLimit = 64;

// The number for a name, or a decimal or hexadecimal number below kCapabilityLimit.
inline std::optional<unsigned> capability_number(std::string_view name) {
  for (unsigned i = 0; i < kCapabilityNames.size(); ++i) {
    if (kCapabilityNames[i] == name) return i;
  }
  const bool hexadecimal = name.starts_with("0x") || name.starts_with("0X");
  const auto number = strings::parse_number<unsigned>(hexadecimal ? name.substr(2) : name, hexadecimal ? 16 : 10);
  return number && *number < kCapabilityLimit ? number : std::nullopt;
}

// Empty for a number without a name.
constexpr std::string_view capability_name(unsigned number) {
  return number < kCapabilityNames.size() ? kCapabilityNames[number] : std::string_view{};
}

}  // namespace berth::config
