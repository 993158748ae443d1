// The eight namespaces of Linux: one row each.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::os {

struct Namespace {
  int flag;                      // CLONE_NEW*
  std::string_view proc_name;    // /proc/PID/ns/...
  std::string_view config_name;  // lxc.namespace.*, --share-*
};

// In the order in which they are entered: user first, as it gives the rights for the others.
std::span<const Namespace> namespaces();
// By configuration name ("net"); null when unknown.
const Namespace* find_namespace(std::string_view config_name);
const Namespace* find_namespace(int flag);
// All flags of the table together.
int all_namespace_flags();
// The configuration names in `flags`, in the table's order.
std::vector<std::string_view> namespace_names(int flags);
// CLONE_* flags of a list of configuration names. Error names the unknown word and the nearest known one.
Result<int> parse_namespaces(std::span<const std::string_view> names);

// /proc/PID/ns/NAME. The caller makes sure that the number still means the same process afterwards.
Result<Fd> open_namespace(pid_t pid, const Namespace& which);
// Two namespaces are the same when device and inode are.
Result<bool> same_namespace(int a, int b);

}  // namespace berth::os
