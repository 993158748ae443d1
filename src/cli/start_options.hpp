// What lxc-start and lxc-execute have in common.
#pragma once

#include <sched.h>

#include <string>
#include <utility>

#include "cli/option.hpp"
#include "runtime/container.hpp"

namespace berth::cli {

struct LaunchOptions : Common {
  std::vector<std::pair<std::string, std::string>> defines;
  std::vector<std::pair<int, std::string>> shared;
};

template <int Flag>
Status share_namespace(Common& options, std::string_view value) {
  if (value.empty()) return fail("a container's name or a pid is needed");
  static_cast<LaunchOptions&>(options).shared.emplace_back(Flag, value);
  return {};
}

inline constexpr Option kShareNet = {"share-net",
                                     0,
                                     Takes::kValue,
                                     "NAME",
                                     "Share the network namespace with another container or pid",
                                     share_namespace<CLONE_NEWNET>};
inline constexpr Option kShareIpc = {
    "share-ipc", 0, Takes::kValue, "NAME", "Share the IPC namespace", share_namespace<CLONE_NEWIPC>};
inline constexpr Option kShareUts = {
    "share-uts", 0, Takes::kValue, "NAME", "Share the UTS namespace", share_namespace<CLONE_NEWUTS>};
inline constexpr Option kSharePid = {
    "share-pid", 0, Takes::kValue, "NAME", "Share the PID namespace", share_namespace<CLONE_NEWPID>};

// The same file after a change of the working directory, which the monitor makes. Empty and "none" stay as they are.
std::string absolute_path(const std::string& path);

// Command, definitions, shared namespaces, configuration file, log.
runtime::StartRequest launch_request(const LaunchOptions& options);

}  // namespace berth::cli
