// Writes one rtnetlink(7) request: header, the fixed structure of its type, attributes that may nest.
// Of our own because Debian 12 has libmnl as a shared library only, and the programs that send these have no C library
// (docs/adr/0002, 0006).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace berth::os {

class NetlinkMessage {
 public:
  // `type`: RTM_*; `flags`: NLM_F_*, to which request and acknowledgement are added. `body`: ifinfomsg, ifaddrmsg, rtmsg, ndmsg,
  // tcmsg...
  template <typename Body>
    requires std::is_trivially_copyable_v<Body>
  NetlinkMessage(std::uint16_t type, std::uint16_t flags, const Body& body) : NetlinkMessage(type, flags) {
    append(&body, sizeof body);
  }

  // Each returns where the payload begins, in bytes from the start of the message: for values that are known only when it is
  // sent.
  std::size_t add(std::uint16_t attribute, std::span<const std::byte> payload);
  std::size_t add_text(std::uint16_t attribute, std::string_view text);  // with its NUL
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  std::size_t add_value(std::uint16_t attribute, const T& value) {
    return add(attribute, std::as_bytes(std::span(&value, 1)));
  }

  // What is added until close() goes into this attribute. They nest.
  void open(std::uint16_t attribute);
  void close();
  // A bare structure within a nest, as VETH_INFO_PEER begins with one. Returns where it is.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  std::size_t add_structure(const T& value) {
    return append(&value, sizeof value);
  }

  // The finished message; all nests are closed. Its sequence number is 0: the sender sets it.
  [[nodiscard]] std::span<const std::byte> bytes();

 private:
  NetlinkMessage(std::uint16_t type, std::uint16_t flags);
  std::size_t append(const void* data, std::size_t size);

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> open_;  // where the nests begin
};

}  // namespace berth::os
