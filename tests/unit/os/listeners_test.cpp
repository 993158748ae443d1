#include "os/listeners.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.hpp"

namespace berth::os {
namespace {

template <typename Body>
std::vector<std::byte> datagram(std::uint16_t type, const Body& body) {
  const nlmsghdr head = {sizeof head + sizeof body, type, 0, 1, 0};
  std::vector<std::byte> bytes(sizeof head + sizeof body);
  std::memcpy(bytes.data(), &head, sizeof head);
  std::memcpy(bytes.data() + sizeof head, &body, sizeof body);
  return bytes;
}

TEST(Listeners, AreTakenFromTheKernelsAnswer) {
  inet_diag_msg message{};
  message.idiag_family = AF_INET;
  message.id.idiag_sport = htons(53);
  message.id.idiag_if = 4;
  message.idiag_inode = 77;
  const std::uint8_t address[4] = {10, 0, 3, 1};
  std::memcpy(message.id.idiag_src, address, sizeof address);
  auto bytes = datagram(SOCK_DIAG_BY_FAMILY, message);
  std::vector<Listener> found;
  EXPECT_FALSE(parse_listeners(bytes, IPPROTO_UDP, found).finished);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].port, 53);
  EXPECT_EQ(found[0].interface, 4);
  EXPECT_EQ(found[0].inode, 77U);
  EXPECT_EQ(found[0].address, (std::vector<std::uint8_t>{10, 0, 3, 1}));
  bytes.resize(bytes.size() - 1);
  EXPECT_EQ(parse_listeners(bytes, IPPROTO_UDP, found).error, EBADMSG);
  EXPECT_EQ(parse_listeners(datagram(NLMSG_ERROR, -EPERM), IPPROTO_UDP, found).error, EPERM);
  EXPECT_TRUE(parse_listeners(datagram(NLMSG_DONE, 0), IPPROTO_UDP, found).finished);
}

TEST(Listeners, OneOfOursIsFoundWithItsProcess) {
  const Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto all = list_listeners();
  ASSERT_TRUE(all) << all.error().line();
  for (const Listener& socket : *all) {
    if (socket.protocol != IPPROTO_TCP || socket.port != ntohs(address.sin_port) || socket.family != AF_INET) continue;
    EXPECT_EQ(socket.address, (std::vector<std::uint8_t>{127, 0, 0, 1}));
    const auto holder = holder_of_socket(socket.inode);
    ASSERT_TRUE(holder);
    EXPECT_NE(holder->find("(pid " + std::to_string(::getpid()) + ")"), std::string::npos) << *holder;
    return;
  }
  FAIL() << "our socket is not in the list";
}

}  // namespace
}  // namespace berth::os
