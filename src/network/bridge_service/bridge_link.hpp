// The bridge itself, by rtnetlink: made, addressed, raised, looked at, removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/bridge_service/settings.hpp"
#include "os/netlink.hpp"

namespace berth::network::bridge_service {

struct BridgeView {
  os::Link link;
  std::vector<std::string> ports;
};

class BridgeLinks {
 public:
  static Result<BridgeLinks> open();

  // Nothing where there is no interface of that name. Error: it is something else than a bridge.
  Result<std::optional<BridgeView>> find(const std::string& name);
  Status make(const std::string& name, const HardwareAddress& address);
  Status raise(const std::string& name) { return netlink_.raise(name); }
  Status lower(int index) { return netlink_.lower(index); }
  Status remove(int index, const std::string& name);
  // `address`: "10.0.3.1/24", "fd00::1/64". EEXIST when it has it; EADDRNOTAVAIL when it has not.
  Status add_address(int index, const std::string& address);
  Status remove_address(int index, const std::string& address);
  Result<std::vector<os::Link>> all() { return netlink_.links(); }

 private:
  explicit BridgeLinks(os::Netlink netlink) : netlink_(std::move(netlink)) {}
  Status change_address(int index, const std::string& address, bool add);
  os::Netlink netlink_;
};

}  // namespace berth::network::bridge_service
