// Addresses, subnets and hardware addresses.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "network/section.hpp"

namespace berth::network {
namespace {

TEST(NetworkValues, AddressesReadBack) {
  for (const char* text : {"10.0.3.1", "0.0.0.0", "255.255.255.255", "::", "::1", "fd00::1", "2001:db8::a:0:0:1"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(parse_address("10.0.3.1")->family, AF_INET);
  EXPECT_EQ(parse_address("fd00::1")->family, AF_INET6);
  for (const char* text : {"", "10.0.3", "10.0.3.256", "10.0.3.1/24", "fd00", ":::", "fd00::1%eth0", "g::1"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(NetworkValues, SubnetsNeedALengthThatFits) {
  EXPECT_EQ(parse_subnet("10.0.3.7/24")->length, 24U);
  EXPECT_EQ(parse_subnet("fd00::1/128")->length, 128U);
  for (const char* text : {"10.0.3.7", "10.0.3.7/", "10.0.3.7/33", "fd00::1/129", "10.0.3.7/-1", "/24"})
    EXPECT_FALSE(parse_subnet(text)) << text;
}

TEST(NetworkValues, ASubnetContainsWhatSharesItsFirstBits) {
  const auto contains = [](const char* subnet, const char* address) {
    return parse_subnet(subnet)->contains(*parse_address(address));
  };
  EXPECT_TRUE(contains("10.0.3.7/24", "10.0.3.1"));
  EXPECT_FALSE(contains("10.0.3.7/24", "10.0.4.1"));
  EXPECT_TRUE(contains("10.0.3.7/30", "10.0.3.5"));
  EXPECT_FALSE(contains("10.0.3.7/30", "10.0.3.8"));
  EXPECT_TRUE(contains("10.0.3.7/0", "192.0.2.1"));
  EXPECT_FALSE(contains("10.0.3.7/0", "::1")) << "another family";
  EXPECT_TRUE(contains("fd00::1/65", "fd00::7fff:0:0:1"));
  EXPECT_FALSE(contains("fd00::1/65", "fd00::8000:0:0:1"));
}

TEST(NetworkValues, TheBroadcastAddressIsTheLastOne) {
  const auto broadcast = [](const char* text) {
    const auto found = broadcast_of(*parse_subnet(text));
    return found ? found->text() : std::string("none");
  };
  EXPECT_EQ(broadcast("10.0.3.7/24"), "10.0.3.255");
  EXPECT_EQ(broadcast("10.0.3.7/8"), "10.255.255.255");
  EXPECT_EQ(broadcast("10.0.3.7/29"), "10.0.3.7");
  EXPECT_EQ(broadcast("10.0.3.130/25"), "10.0.3.255");
  EXPECT_EQ(broadcast("10.0.3.5/30"), "10.0.3.7");
  EXPECT_EQ(broadcast("10.0.3.5/31"), "none");
  EXPECT_EQ(broadcast("10.0.3.5/32"), "none");
  EXPECT_EQ(broadcast("fd00::1/64"), "none");
  Subnet given = *parse_subnet("10.0.3.7/24");
  given.broadcast = parse_address("10.0.3.9");
  EXPECT_EQ(broadcast_of(given)->text(), "10.0.3.9");
}

TEST(NetworkValues, HardwareAddresses) {
  EXPECT_EQ(parse_hardware_address("00:16:3e:AB:cd:0f"), (HardwareAddress{0x00, 0x16, 0x3e, 0xab, 0xcd, 0x0f}));
  for (const char* text :
       {"", "00:16:3e:ab:cd", "00:16:3e:ab:cd:0f:00", "0:16:3e:ab:cd:0f", "00:16:3e:ab:cd:xx", "00-16-3e-ab-cd-0f"})
    EXPECT_FALSE(parse_hardware_address(text)) << text;
}

}  // namespace
}  // namespace berth::network
