// Runs in: the starting command.
#include <errno.h>

#include "network/device.hpp"
#include "os/command.hpp"

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

// `br-exists` says it by its status: 0 yes, 2 no. A program that is not installed: no.
Result<bool> KernelHost::is_open_vswitch(const std::string& name) const {
  constexpr std::chrono::seconds kPatience{10};
  os::Command question;
  question.program = "ovs-vsctl";
  question.arguments = {"--timeout=5", "br-exists", name};
  question.timeout = kPatience;
  const auto asked = os::run(question);
  if (!asked && asked.error().code() == ENOENT) return false;
  return TRY(asked).succeeded();
}

}  // namespace berth::network
