// Runs in: the starting command.
#include <errno.h>

#include "base/strings.hpp"
#include "network/device.hpp"
#include "network/neighbours.hpp"
#include "os/command.hpp"
#include "sys/file.hpp"

namespace berth::network {

Result<os::Netlink*> KernelHost::socket() const {
  if (!socket_) socket_ = TRY(os::Netlink::open());
  return &*socket_;
}

Result<std::optional<os::LinkDetails>> KernelHost::find(const std::string& name) const { return TRY(socket())->find(name); }

Result<std::vector<os::LinkAddress>> KernelHost::addresses_of(int index) const { return TRY(socket())->addresses_of(index); }

Result<std::vector<std::string>> KernelHost::names() const {
  std::vector<std::string> names;
  for (os::Link& link : TRY(TRY(socket())->links())) names.push_back(std::move(link.name));
  return names;
}

Result<std::vector<os::Link>> KernelHost::ports_of(int bridge) const {
  auto links = TRY(TRY(socket())->bare_links());
  std::erase_if(links, [bridge](const os::Link& link) { return link.master != bridge; });
  return links;
}

Result<std::vector<std::string>> KernelHost::neighbours_of(int index) const {
  std::vector<std::string> addresses;
  for (Neighbour& neighbour : TRY(neighbours())) {
    if (neighbour.index == index) addresses.push_back(std::move(neighbour.address));
  }
  return addresses;
}

// sysfs shows the network namespace in which it was mounted: elsewhere there are no wireless interfaces for it.
Result<std::string> KernelHost::radio_of(const std::string& name) const {
  auto radio = sys::read_file(strings::cat("/sys/class/net/", name, "/phy80211/name"));
  if (radio) return std::string(strings::trim(*radio));
  if (radio.error().code() == ENOENT || radio.error().code() == ENOTDIR) return std::string();
  return fail(std::move(radio.error()));
}

// `br-exists` says it by its status: 0 yes, 2 no. A program that is not installed: no.
Result<bool> KernelHost::is_open_vswitch(const std::string& name) const {
  constexpr std::chrono::seconds kPatience{10};
  os::Command question;
  question.program = "ovs-vsctl";
  question.arguments = {"--timeout=5", "br-exists", name};
  question.timeout = kPatience;
  for (std::string& variable : os::own_environment()) {
    if (variable.starts_with("OVS_")) question.environment.push_back(std::move(variable));
  }
  const auto asked = os::run(question);
  if (!asked && asked.error().code() == ENOENT) return false;
  return TRY(asked).succeeded();
}

}  // namespace berth::network
