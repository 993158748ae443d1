#include "base/ip_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace berth::ip {
namespace {

template <typename Address>
std::optional<Address> by_library(int family, const std::string& text) {
  Address address;
  if (::inet_pton(family, text.c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

void compare(const std::string& text) {
  EXPECT_EQ(parse_version4(text), by_library<Version4>(AF_INET, text)) << "'" << text << "'";
  EXPECT_EQ(parse_version6(text), by_library<Version6>(AF_INET6, text)) << "'" << text << "'";
}

TEST(IpAddress, AsTheCLibraryReadsThem) {
  for (const char* text : {"10.0.3.1",
                           "0.0.0.0",
                           "255.255.255.255",
                           "256.1.1.1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "01.2.3.4",
                           "1..2.3",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "",
                           "::",
                           "::1",
                           "1::",
                           "2001:db8::1",
                           "1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7::8",
                           "1::2::3",
                           ":::",
                           ":1",
                           "1:",
                           ":",
                           "::1:",
                           "12345::",
                           "g::",
                           "::ffff:10.0.3.1",
                           "1:2:3:4:5:6:1.2.3.4",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3.4:5",
                           "1.2.3.4::",
                           "fe80::1%eth0",
                           "-1.2.3.4",
                           "+1.2.3.4",
                           "::-1",
                           "::+1",
                           "0x1::"})
    compare(text);
}

TEST(IpAddress, AsTheCLibraryReadsRandomOnes) {
  const std::string_view pieces[] = {":", "::", ".", "0", "1", "00", "fF", "255", "256", "12", "abcd", "1.2.3.4", "2001:db8", ""};
  std::mt19937 random(7);
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::size_t count = random() % 16; count > 0; --count) text += pieces[random() % std::size(pieces)];
    compare(text);
    if (HasFailure()) break;
  }
}

TEST(IpAddress, AsTheCLibraryWritesThem) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    Version6 address{};
    for (std::size_t i = 0; i < address.size(); i += 2) {  // runs of zeros are what there is to get wrong
      if (random() % 2 == 0) continue;
      const unsigned group = random() % 3 == 0 ? 0xffff : random() % 0x10000;
      address[i] = static_cast<std::uint8_t>(group >> 8U);
      address[i + 1] = static_cast<std::uint8_t>(group);
    }
    char text[INET6_ADDRSTRLEN];
    ASSERT_NE(::inet_ntop(AF_INET6, address.data(), text, sizeof text), nullptr);
    ASSERT_EQ(format_version6(address), text);
    ASSERT_EQ(parse_version6(text), address);
  }
}

}  // namespace
}  // namespace berth::ip
