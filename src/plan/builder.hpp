// What the parts of the start planner share: the plan under construction and the facts that were worked out.
#pragma once

#include <sys/types.h>

#include "cgroup/driver.hpp"
#include "network/recipe.hpp"
#include "plan/start_plan.hpp"

namespace berth::plan {

// Slots of the descriptor table (child/step.hpp) that a start uses.
enum Slot : std::int64_t {
  kSlotPayloadGroup = 0,  // unified cgroup that init is born in
  kSlotMountPoint = 1,    // where the root goes
  kSlotHostConsole = 2,
  kSlotFirstNamespace = 3,  // shared namespaces, one each
  kSlotNetwork = 21,        // the container's network namespace
  kSlotNetworkSocket = 22,  // NETLINK_ROUTE in it
  kSlotRootDevice = 20,     // of a root on a device, see RootMount::hold
  kSlotPin = 23,            // an open file of the root, see plan_pin
  kSlotProgram = 24,        // berth's init (runtime::kFirstProgramSlot)
  kSlotFirstTasks = 32,     // v1 tasks files, one a hierarchy
};

// What a plan says of one lxc.net.N beside the acts.
struct NetworkFacts {
  unsigned index = 0;
  std::string name;                     // of the interface inside; empty: none
  std::string host_end;                 // of the pair; empty: none
  std::size_t first_act = 0, acts = 0;  // in the recipe
};

struct Builder {
  const StartInputs& inputs;
  Plan plan;
  // Facts.
  bool has_root = false;  // lxc.rootfs.path is set
  bool user_namespace = false;
  int cloned = 0;  // CLONE_NEW* that clone3 makes
  bool cgroup_namespace = false;
  bool time_namespace = false;
  bool raise_loopback = false;
  bool needs_go = false;  // the monitor works after the root is set up, before exec
  std::uint64_t kept_capabilities = ~std::uint64_t{0};
  uid_t root_uid = 0;  // the host ids of the container's root
  gid_t root_gid = 0;
  std::string root_source, root_mount;
  unsigned long root_flags = 0, root_propagation = 0;
  std::string root_idmap;      // "container", a namespace file, or empty
  std::string root_data = {};  // of lxc.rootfs.options, for a file system
  cgroup::Arrangement cgroups;
  network::Recipe networks;                    // what is done for the container's networks, of all sections
  std::vector<NetworkFacts> network_facts;     // one a section
  std::vector<std::string> name_servers = {};  // for the container's resolv.conf
  Origin name_servers_origin = {};
  std::vector<PlannedStep> parallel;  // collected while the container's steps are written, appended after kClone

  [[nodiscard]] const config::Conf& conf() const { return inputs.conf; }
  [[nodiscard]] Origin origin(std::string_view key) const { return inputs.conf.origin(key); }
  PlannedStep& add(child::Phase phase, child::Op op, std::string doing);
  PlannedStep& host(child::Op op, std::string doing) { return add(child::Phase::kPrepare, op, std::move(doing)); }
  PlannedStep& inside(child::Op op, std::string doing) { return add(child::Phase::kContainer, op, std::move(doing)); }
  PlannedStep& meanwhile(child::Op op, std::string doing);
  // Adds the step that takes the last added one back.
  PlannedStep& undo(child::Op op, std::string doing);
};

// In the order in which they are called. Each reads the facts above and adds steps or facts.
Status decide_namespaces(Builder& builder);    // start_namespaces.cpp
Status decide_root(Builder& builder);          // start_root.cpp
Status decide_cgroups(Builder& builder);       // start_cgroups.cpp
Status decide_capabilities(Builder& builder);  // start_process.cpp
Status decide_network(Builder& builder);       // start_network.cpp
Status check_confinement(Builder& builder);    // start_confinement.cpp
// As late as it can be, so that the filter meets few calls of the start: before the start hooks, which it is for too, else before
// init's ids are taken, which may cost the right to load it.
void plan_seccomp(Builder& builder);  // start_confinement.cpp
void plan_caller_cgroups(Builder& builder);
void plan_monitor_cgroups(Builder& builder);
// The container is born in its group of this hierarchy; it enters the others itself, and those are made meanwhile (kBeside).
bool entered_by_birth(const cgroup::Placement& placement);  // start_cgroups.cpp
bool groups_made_beside(const Builder& builder);
// The file of `directory` (the payload or the monitor's group) that a process writes itself into.
std::string entry_file(const cgroup::Placement& placement, const std::string& directory);
void plan_monitor_joins(Builder& builder);  // while the container's first process is at work
void plan_host_console(Builder& builder);   // start_devices.cpp
void plan_network_entry(Builder& builder);  // start_network.cpp
void plan_networks(Builder& builder);       // start_network.cpp: the monitor's part, after kClone
void plan_network_scripts_down(Builder& builder);
Status plan_name_servers(Builder& builder);  // lxc.net.N.dns
// The items of the running configuration that the plan has chosen: names of interfaces.
void note_network_names(Builder& builder);
void plan_root_device(Builder& builder);   // start_root_mount.cpp: before anything else
Status plan_root_mount(Builder& builder);  // start_root_mount.cpp
// The root is a file system to be mounted, not a directory.
[[nodiscard]] inline bool mounts_root(const Builder& builder) {
  return builder.inputs.root && builder.inputs.root->directory.empty();
}
bool has_hooks(const Builder& builder, config::HookType type);                                     // start_hooks.cpp
void plan_pin(Builder& builder);                                                                   // start_root.cpp
void plan_host_hooks(Builder& builder, config::HookType type, child::Phase phase, bool may_fail);  // start_hooks.cpp
void plan_container_hooks(Builder& builder, config::HookType type);
// lxc.net.N.script.up and .down: `up` says which.
struct NetworkScript {
  const config::NetworkConf& network;
  std::string host_end;
};
bool has_network_script(const config::NetworkConf& network, bool up);
void fill_network_script(PlannedStep& step, const Builder& builder, const NetworkScript& script, bool up);  // start_hooks.cpp
Status plan_clone(Builder& builder);             // start_namespaces.cpp
void plan_entry(Builder& builder);               // first steps of the container: ids, groups, namespaces
void plan_limits(Builder& builder);              // start_process.cpp
Status plan_root(Builder& builder);              // start_root.cpp
void plan_sysctls(Builder& builder);             // start_process.cpp
void plan_automatic_mounts(Builder& builder);    // start_mounts.cpp
void plan_layers(Builder& builder);              // start_layers.cpp: those that mount entries write to
Status plan_mount_entries(Builder& builder);     // start_mounts.cpp
void plan_cgroup_mounts(Builder& builder);       // start_mounts.cpp
Status plan_shared_directory(Builder& builder);  // start_shared_mounts.cpp: its part of the host, before anything else
void plan_shared_mounts(Builder& builder);       // start_shared_mounts.cpp
void plan_dev_directory(Builder& builder);       // start_devices.cpp
void plan_devices(Builder& builder);             // start_devices.cpp
void plan_terminals(Builder& builder);           // start_devices.cpp
void plan_restrictions(Builder& builder);        // start_process.cpp
Status plan_program(Builder& builder);           // start_process.cpp
void plan_devices_rules(Builder& builder);       // start_cgroups.cpp
Status plan_settings(Builder& builder);          // start_plan.cpp

}  // namespace berth::plan
