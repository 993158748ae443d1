// Runs in: the tests.
#include "network/hardware_address.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace berth::network {
namespace {

TEST(LastingHardwareAddress, IsTheSameForTheSameContainerAndHost) {
  EXPECT_EQ(lasting_hardware_address("m", "/var/lib/lxc/web1", 0), lasting_hardware_address("m", "/var/lib/lxc/web1", 0));
}

TEST(LastingHardwareAddress, DiffersByHostContainerAndNetwork) {
  std::set<HardwareAddress> seen;
  for (const char* machine : {"", "m", "n"}) {
    for (const char* container : {"/a/web1", "/a/web2", "/b/web1", "/a/web11"}) {
      for (const unsigned index : {0U, 1U, 11U}) seen.insert(lasting_hardware_address(machine, container, index));
    }
  }
  EXPECT_EQ(seen.size(), 36U);
}

TEST(LastingHardwareAddress, IsUnicastAndLocal) {
  for (unsigned index = 0; index < 200; ++index) EXPECT_EQ(lasting_hardware_address("m", "c", index)[0] & 3, 2);
}

}  // namespace
}  // namespace berth::network
