// Runs in: the starting command, and other commands that change networks.
#include "os/netlink_message.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstring>

namespace berth::os {
namespace {

constexpr std::size_t align(std::size_t size) { return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1}; }

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags) {
  const nlmsghdr head = {0, type, static_cast<std::uint16_t>(flags | NLM_F_REQUEST | NLM_F_ACK), 0, 0};
  append(&head, sizeof head);
}

std::size_t NetlinkMessage::append(const void* data, std::size_t size) {
  const std::size_t at = bytes_.size();
  bytes_.resize(align(at + size));
  if (size != 0) std::memcpy(bytes_.data() + at, data, size);
  return at;
}

std::size_t NetlinkMessage::add(std::uint16_t attribute, std::span<const std::byte> payload) {
  const rtattr head = {static_cast<unsigned short>(sizeof(rtattr) + payload.size()), attribute};
  append(&head, sizeof head);
  return append(payload.data(), payload.size());
}

std::size_t NetlinkMessage::add_text(std::uint16_t attribute, std::string_view text) {
  std::vector<std::byte> bytes(text.size() + 1);
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return add(attribute, bytes);
}

void NetlinkMessage::open(std::uint16_t attribute) {
  open_.push_back(bytes_.size());
  const rtattr head = {0, static_cast<unsigned short>(attribute | NLA_F_NESTED)};
  append(&head, sizeof head);
}

void NetlinkMessage::close() {
  const std::size_t at = open_.back();
  open_.pop_back();
  const auto size = static_cast<unsigned short>(bytes_.size() - at);
  std::memcpy(bytes_.data() + at + offsetof(rtattr, rta_len), &size, sizeof size);
}

std::span<const std::byte> NetlinkMessage::bytes() {
  const auto size = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
  return bytes_;
}

}  // namespace berth::os
