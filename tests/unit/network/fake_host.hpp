// A host of a test's choice, and acts read back from their bytes.
#pragma once

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "network/device.hpp"

namespace berth::network::test {

class FakeHost final : public Host {
 public:
  std::map<std::string, os::LinkDetails> links;
  std::map<int, std::vector<os::LinkAddress>> addresses;
  std::vector<os::Link> ports;          // of every bridge
  std::vector<std::string> neighbours;  // on every interface
  std::vector<std::string> switches;    // of Open vSwitch
  std::string radio;                    // of every interface; empty: none has one

  os::LinkDetails& add(const std::string& name, const std::string& kind, std::uint32_t mtu = 1500) {
    os::LinkDetails& link = links[name];
    link.index = static_cast<int>(links.size()) + 10;
    link.name = name;
    link.kind = kind;
    link.mtu = mtu;
    order_.push_back(name);
    return link;
  }
  Result<std::optional<os::LinkDetails>> find(const std::string& name) const override {
    const auto found = links.find(name);
    if (found == links.end()) return std::optional<os::LinkDetails>();
    return std::optional(found->second);
  }
  Result<std::vector<os::LinkAddress>> addresses_of(int index) const override {
    const auto found = addresses.find(index);
    return found == addresses.end() ? std::vector<os::LinkAddress>() : found->second;
  }
  Result<std::vector<std::string>> names() const override { return order_; }
  Result<std::vector<os::Link>> ports_of(int) const override { return ports; }
  Result<std::vector<std::string>> neighbours_of(int) const override { return neighbours; }
  Result<std::string> radio_of(const std::string&) const override { return radio; }
  Result<bool> is_open_vswitch(const std::string& name) const override {
    return std::ranges::find(switches, name) != switches.end();
  }

 private:
  std::vector<std::string> order_;
};

// Attributes by type; a nest is read by attributes_of again.
using Attributes = std::map<int, std::vector<std::string>>;

inline Attributes attributes_of(std::string_view bytes) {
  Attributes found;
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr head;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > bytes.size()) throw std::runtime_error("an attribute does not fit");
    found[head.rta_type & NLA_TYPE_MASK].emplace_back(bytes.substr(sizeof head, head.rta_len - sizeof head));
    bytes.remove_prefix(std::min<std::size_t>((head.rta_len + 3U) & ~3U, bytes.size()));
  }
  return found;
}

template <typename T>
T value_of(std::string_view bytes) {
  if (bytes.size() < sizeof(T)) throw std::runtime_error("a value is too short");
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// What an act asks of the kernel.
template <typename Body>
struct Decoded {
  nlmsghdr head;
  Body body;
  Attributes attributes;

  explicit Decoded(const Act& act)
      : head(value_of<nlmsghdr>(act.request)),
        body(value_of<Body>(std::string_view(act.request).substr(NLMSG_HDRLEN))),
        attributes(attributes_of(std::string_view(act.request).substr(NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(Body))))) {
    if (head.nlmsg_len != act.request.size()) throw std::runtime_error("the length is wrong");
    if ((head.nlmsg_flags & (NLM_F_REQUEST | NLM_F_ACK)) != (NLM_F_REQUEST | NLM_F_ACK)) throw std::runtime_error("no request");
  }
  [[nodiscard]] bool has(int type) const { return attributes.contains(type); }
  [[nodiscard]] std::string bytes(int type) const { return attributes.at(type).front(); }
  [[nodiscard]] std::string text(int type) const { return bytes(type).c_str(); }
  template <typename T>
  [[nodiscard]] T number(int type) const {
    return value_of<T>(bytes(type));
  }
  // IFLA_LINKINFO: the kind, and the attributes of its data.
  [[nodiscard]] std::string kind() const { return attributes_of(bytes(IFLA_LINKINFO)).at(IFLA_INFO_KIND).front().c_str(); }
  [[nodiscard]] Attributes data() const { return attributes_of(attributes_of(bytes(IFLA_LINKINFO)).at(IFLA_INFO_DATA).front()); }
};

}  // namespace berth::network::test
