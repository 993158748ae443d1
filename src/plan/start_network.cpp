// Runs in: the starting command.
// The networks of a container: decided (and checked against the host) before anything exists, carried out by the monitor between
// clone and exec while the container mounts its root, taken back at the end.
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "network/automatic.hpp"
#include "network/device.hpp"
#include "network/hardware_address.hpp"
#include "network/own.hpp"
#include "os/command.hpp"
#include "plan/builder.hpp"
#include "plan/network_section.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

using network::Act;
using network::Side;

Status check_none(const Builder& builder, const config::NetworkConf& network) {
  if (builder.conf().networks.size() == 1) return {};
  return fail(Error::message("network type none shares the host's network and goes with no other network")
                  .set_by(network.origin)
                  .hint("keep this section alone, or remove it"));
}

Status check_type(const config::NetworkConf& network) {
  if (!network.type.empty()) return {};
  const Origin origin = network.values.empty() ? network.origin : network.values.front().second.origin;
  return fail(Error::message(strings::cat("lxc.net.", network.index, " has no type"))
                  .set_by(origin)
                  .hint(strings::cat("add lxc.net.", network.index, ".type = veth before its other lines")));
}

Result<std::vector<network::Section>> sections_of(const Builder& builder) {
  std::vector<network::Section> sections;
  for (const config::NetworkConf& network : builder.conf().networks) {
    TRY(check_type(network));
    if (network.type == "none") {
      TRY(check_none(builder, network));
      continue;
    }
    sections.push_back(TRY(network_section(network)));
  }
  return sections;
}

// Interfaces that move in keep their index: they come before those that the kernel numbers.
std::vector<const network::Section*> in_order(const std::vector<network::Section>& sections) {
  std::vector<const network::Section*> order;
  for (const bool moved : {true, false}) {
    for (const network::Section& section : sections) {
      const auto device = network::find_device(section.type);
      if ((device && (*device)->traits().moves_link) == moved) order.push_back(&section);
    }
  }
  return order;
}

Status pick_addresses(const Builder& builder, std::vector<network::Section>& sections, const network::Host& host) {
  const StartInputs& inputs = builder.inputs;
  const network::AddressSeeker seeker{strings::cat(inputs.lxcpath, '/', inputs.name), inputs.address_books,
                                      inputs.remember_addresses};
  for (network::Section& section : sections) TRY(network::add_automatic_addresses(section, host, seeker));
  return {};
}

void pick_hardware_addresses(const Builder& builder, std::vector<network::Section>& sections) {
  const auto machine = sys::read_file("/etc/machine-id");
  const std::string container = strings::cat(builder.inputs.lxcpath, '/', builder.inputs.name);
  for (network::Section& section : sections) {
    const auto device = network::find_device(section.type);
    if (section.hwaddr || !device || !(*device)->traits().draws_hwaddr) continue;
    section.hwaddr =
        network::lasting_hardware_address(machine ? strings::trim(*machine) : std::string_view(), container, section.index);
  }
}

// berth's own keys.
Status decide_own(Builder& builder, const network::Section& section, const network::Host& host) {
  const StartInputs& inputs = builder.inputs;
  if (network::needs_helper(section) && inputs.network_helper.empty()) {
    return fail(Error::message("the program berth-network is missing, which publishes ports and names", ENOENT)
                    .set_by(section.origin)
                    .hint("install berth again, with all of its libexec directory"));
  }
  TRY(network::plan_own(section, host, {strings::cat(inputs.lxcpath, '/', inputs.name), inputs.network_helper},
                        builder.networks));
  for (std::string& server : TRY(network::name_servers_of(section, host))) {
    if (builder.name_servers.empty()) builder.name_servers_origin = section.origin_of("dns");
    builder.name_servers.push_back(std::move(server));
  }
  return {};
}

Status decide_devices(Builder& builder, std::vector<network::Section> sections) {
  const network::KernelHost host;
  TRY(network::assign_names(sections, host));
  TRY(pick_addresses(builder, sections, host));
  pick_hardware_addresses(builder, sections);
  for (const network::Section* section : in_order(sections)) {
    NetworkFacts facts{section->index, section->name, {}, builder.networks.entries.size(), 0};
    TRY(network::plan_network(*section, host, builder.networks));
    TRY(decide_own(builder, *section, host));
    facts.acts = builder.networks.entries.size() - facts.first_act;
    facts.host_end = builder.networks.host_end;
    builder.network_facts.push_back(std::move(facts));
    builder.raise_loopback = builder.raise_loopback || section->up || section->type == "empty";
  }
  for (std::string& warning : builder.networks.warnings) builder.plan.settings.warnings.push_back(std::move(warning));
  return {};
}

const config::NetworkConf& conf_of(const Builder& builder, unsigned index) {
  return *std::ranges::find(builder.conf().networks, index, &config::NetworkConf::index);
}

bool has_any_script(const Builder& builder, bool up) {
  return std::ranges::any_of(builder.conf().networks,
                             [up](const config::NetworkConf& network) { return has_network_script(network, up); });
}

child::NetlinkFixup encode_fixup(const network::Fixup& fixup) {
  child::NetlinkFixup out;
  out.offset = fixup.offset;
  fixup.interface.copy(out.interface, sizeof out.interface - 1);
  if (fixup.kind == network::Fixup::Kind::kNamespace)
    out.kind =
        fixup.side == Side::kHost ? child::NetlinkFixup::Kind::kHostNamespace : child::NetlinkFixup::Kind::kContainerNamespace;
  return out;
}

template <typename T>
void append_bytes(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void fill_request(PlannedStep& step, const Act& act) {
  step.op = child::Op::kNetlink;
  step.text[0] = act.object;
  step.text[1] = act.subject;
  step.num[0] = act.side == Side::kContainer ? std::int64_t{kSlotNetworkSocket} : child::kNoSlot;
  step.num[1] = act.forgiven;
  step.num[2] = kSlotNetwork;
  child::NetlinkRequest head;
  head.fixups = static_cast<std::uint32_t>(act.fixups.size());
  append_bytes(step.block, head);
  for (const network::Fixup& fixup : act.fixups) append_bytes(step.block, encode_fixup(fixup));
  step.block += act.request;
}

void fill_program(PlannedStep& step, const Builder& builder, const Act& act) {
  step.op = child::Op::kHostHook;
  step.text[0] = act.program.front();
  step.text[1] = "program";
  step.num[0] = 1;
  step.list[0] = act.program;
  // Looked up where the system's programs are, whatever the caller's search path.
  if (!act.program.front().starts_with('/')) step.list[0].insert(step.list[0].begin(), "/usr/bin/env");
  step.list[1] = {strings::cat("PATH=", os::kSearchPath), "LC_ALL=C", strings::cat("LXC_NAME=", builder.inputs.name)};
  // Where Open vSwitch keeps its sockets.
  for (const std::string& variable : builder.inputs.caller_environment) {
    if (variable.starts_with("OVS_")) step.list[1].push_back(variable);
  }
}

void fill_home(PlannedStep& step, const Act& act) {
  step.op = child::Op::kBringHome;
  step.text[0] = act.home.name;
  step.text[1] = act.home.kind;
  step.text[2] = act.home.other_name;
  step.list[0] = act.home.alternative_names;
  step.num[0] = kSlotNetwork;
  step.num[1] = kSlotNetworkSocket;
  step.num[2] = act.home.index;
  step.num[3] = act.home.wireless ? 1 : 0;
}

void fill(PlannedStep& step, const Builder& builder, const Act& act) {
  step.origin = act.origin;
  step.flags = child::kStepOnReboot | (act.may_fail ? std::uint32_t{child::kStepMayFail} : 0);
  switch (act.kind) {
    case Act::Kind::kRequest:
      return fill_request(step, act);
    case Act::Kind::kWriteFile:
      step.op = child::Op::kWriteHostFile;
      step.text[0] = act.path;
      step.text[1] = act.value;
      if (act.forgiven != 0) step.flags |= child::kStepMayFail;
      return;
    case Act::Kind::kProgram:
      return fill_program(step, builder, act);
    case Act::Kind::kBringHome:
      return fill_home(step, act);
    case Act::Kind::kNoTransmitChecksum:
      step.op = child::Op::kNoTransmitChecksum;
      step.text[0] = act.object;
      step.num[0] = kSlotNetworkSocket;
      return;
  }
}

void plan_entry_of_recipe(Builder& builder, const network::Entry& entry) {
  PlannedStep& step = builder.add(child::Phase::kParallel, child::Op::kNone, entry.act.doing);
  fill(step, builder, entry.act);
  if (entry.outlives) step.flags |= child::kStepOutlives;
  const auto number = static_cast<std::uint32_t>(builder.plan.steps.size());
  for (const Act& act : entry.undo) {
    PlannedStep& undo = builder.add(child::Phase::kUndo, child::Op::kNone, act.doing);
    fill(undo, builder, act);
    undo.undoes = number;
    if (entry.lazily_undone) undo.flags |= child::kStepLazyUndo;
  }
}

void plan_script(Builder& builder, const NetworkFacts& facts, bool up) {
  const config::NetworkConf& network = conf_of(builder, facts.index);
  if (!has_network_script(network, up)) return;
  if (!up && network.type == "empty") return;  // as LXC
  PlannedStep& step = builder.add(up ? child::Phase::kParallel : child::Phase::kStop, child::Op::kHostHook,
                                  strings::cat("running the ", up ? "up" : "down", " script of lxc.net.", facts.index));
  fill_network_script(step, builder, {network, facts.host_end}, up);
  step.flags = child::kStepOnReboot | (up ? 0 : std::uint32_t{child::kStepMayFail});
}

void plan_opening(Builder& builder) {
  PlannedStep& step = builder.add(child::Phase::kParallel, child::Op::kOpenNetwork, "opening the container's network namespace");
  step.num[0] = kSlotNetwork;
  step.num[1] = kSlotNetworkSocket;
  step.flags = child::kStepOnReboot;
  // Undone last: what is the host's own has gone home by then.
  PlannedStep& clear = builder.undo(child::Op::kClearNetwork, "removing what stands on links of the host");
  clear.num[0] = kSlotNetworkSocket;
  clear.flags = child::kStepLazyUndo;
  const bool outlives = std::ranges::any_of(builder.networks.entries, [](const network::Entry& entry) { return entry.outlives; });
  if (!outlives) return;
  builder.add(child::Phase::kParallel, child::Op::kGuard, "starting the guardian of what outlives the monitor").flags =
      child::kStepOnReboot;
}

void put_item(std::vector<std::string>& items, const std::string& key, const std::string& value) {
  if (value.empty()) return;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i] != key) continue;
    items[i + 1] = value;
    return;
  }
  items.push_back(key);
  items.push_back(value);
}

}  // namespace

Status decide_network(Builder& builder) {
  auto sections = TRY(sections_of(builder));
  if ((builder.cloned & CLONE_NEWNET) != 0) return decide_devices(builder, std::move(sections));
  if (sections.empty()) return {};
  // Joined from another container or kept from the starter: whoever made the namespace has set it up.
  builder.plan.settings.warnings.push_back(strings::cat("the network namespace is not the container's own: lxc.net.",
                                                        sections.front().index, " (", sections.front().origin.file, ":",
                                                        sections.front().origin.line, ") is not set up"));
  return {};
}

void plan_network_entry(Builder& builder) {
  if (!builder.raise_loopback || (builder.cloned & CLONE_NEWNET) == 0) return;
  builder.inside(child::Op::kRaiseLoopback, "raising the loopback interface");
}

Status plan_name_servers(Builder& builder) {
  if (builder.name_servers.empty()) return {};
  if (!builder.has_root) {
    return fail(Error::message(
                    "name servers would be written into the host's own /etc/resolv.conf: the container has no root file system")
                    .set_by(builder.name_servers_origin)
                    .hint("remove the line, or set lxc.rootfs.path"));
  }
  constexpr std::size_t kRead = 3;  // MAXNS of resolv.conf(5)
  if (builder.name_servers.size() > kRead) {
    builder.plan.settings.warnings.push_back(
        strings::cat("programs ask the first three name servers of resolv.conf(5): lxc.net.N.dns has ",
                     builder.name_servers.size(), " of them, and ", builder.name_servers[kRead], " is not asked"));
  }
  std::string text = "# written by berth when the container starts (lxc.net.N.dns)\n";
  for (const std::string& server : builder.name_servers) text += strings::cat("nameserver ", server, '\n');
  PlannedStep& step = builder.inside(child::Op::kReplaceFile, "writing /etc/resolv.conf");
  step.text[0] = "etc/resolv.conf";
  step.text[1] = std::move(text);
  step.origin = builder.name_servers_origin;
  step.flags = child::kStepFollowLinks | (sys::has(sys::Feature::kOpenat2) ? 0 : std::uint32_t{child::kStepNoOpenat2});
  return {};
}

void plan_networks(Builder& builder) {
  if (!builder.networks.entries.empty()) plan_opening(builder);
  for (const NetworkFacts& facts : builder.network_facts) {
    for (std::size_t i = 0; i < facts.acts; ++i) plan_entry_of_recipe(builder, builder.networks.entries[facts.first_act + i]);
    plan_script(builder, facts, true);
  }
  builder.needs_go = builder.needs_go || !builder.networks.entries.empty() || has_any_script(builder, true);
}

void plan_network_scripts_down(Builder& builder) {
  for (const NetworkFacts& facts : builder.network_facts) plan_script(builder, facts, false);
}

void note_network_names(Builder& builder) {
  for (const NetworkFacts& facts : builder.network_facts) {
    const std::string prefix = strings::cat("lxc.net.", facts.index, '.');
    put_item(builder.plan.settings.config_items, prefix + "name", facts.name);
    put_item(builder.plan.settings.config_items, prefix + "veth.pair", facts.host_end);
  }
}

}  // namespace berth::plan
