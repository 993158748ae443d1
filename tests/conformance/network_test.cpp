// What every kind of network promises (network/device.hpp), with the kernel: its acts are carried out in network namespaces of
// the test's own, and taken back. A new kind joins by a row in devices() and, where it needs a kernel option, is skipped without.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/strings.hpp"
#include "network/device.hpp"
#include "os/netlink.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace berth::network {
namespace {

using ::testing::Contains;

// A network namespace, as a descriptor and a socket in it.
struct Space {
  Fd descriptor;
  os::Netlink netlink = os::Netlink::open().value();
  Fd index_socket;
};

// Leaves the calling thread in a new one.
Space new_space() {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
  return {sys::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC).value(), os::Netlink::open().value(),
          sys::socket(AF_INET, SOCK_DGRAM, 0).value()};
}

class NetworkDeviceTest : public ::testing::TestWithParam<const NetworkDevice*> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    home_ = sys::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC).value();
    container_.emplace(new_space());
    host_.emplace(new_space());
    make_nic();
    section_.type = std::string(device().traits().type);
    section_.name = device().traits().has_interface ? "inside0" : "";
    section_.link = "nic0";
    section_.mode = section_.type == "macvlan" ? "bridge" : section_.type == "ipvlan" ? "l2" : "router";
    section_.isolation = "bridge";
    section_.vlan_id = 5;
    section_.up = true;
    if (device().traits().has_interface) section_.addresses = {*parse_subnet("10.5.0.7/24"), *parse_subnet("fd05::7/64")};
  }
  void TearDown() override {
    if (home_) {
      ASSERT_EQ(::setns(home_.get(), CLONE_NEWNET), 0);
    }
  }
  static const NetworkDevice& device() { return *GetParam(); }

  // nic0, one end of a pair, stands for a card.
  void make_nic() {
    os::NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    message.add_text(IFLA_IFNAME, "nic0");
    message.open(IFLA_LINKINFO);
    message.add_text(IFLA_INFO_KIND, "veth");
    message.close();
    const Status made = host_->netlink.request(message, "making", "nic0");
    ASSERT_TRUE(made) << made.error().line();
    ASSERT_TRUE(host_->netlink.raise("nic0"));
  }

  // runtime/bring_home in short. One that is home already stays there, and what follows is about nothing.
  Status bring_home(const Act& act) {
    brought_home_.clear();
    const auto links = TRY(container_->netlink.links());
    if (std::ranges::find(links, act.home.index, &os::Link::index) == links.end()) return {};
    TRY(container_->netlink.lower(act.home.index));
    TRY(container_->netlink.move(act.home.index, host_->descriptor.get(), act.home.name));
    brought_home_ = act.home.name;
    return {};
  }
  static bool is_about_what_came_home(const Act& act) {
    return std::ranges::any_of(act.fixups,
                               [](const Fixup& fixup) { return fixup.kind == Fixup::Kind::kIndex && fixup.interface.empty(); });
  }

  // What the monitor does with an act, by the contract of Fixup.
  Status carry_out(const Act& act) {
    if (act.kind == Act::Kind::kWriteFile) return sys::write_attribute(act.path, act.value);
    if (act.kind == Act::Kind::kBringHome) return bring_home(act);
    if (is_about_what_came_home(act) && brought_home_.empty()) return {};
    Space& space = act.side == Side::kHost ? *host_ : *container_;
    std::string request = act.request;
    for (const Fixup& fixup : act.fixups) {
      const Space& meant = fixup.side == Side::kHost ? *host_ : *container_;
      const int number =
          fixup.kind == Fixup::Kind::kIndex
              ? TRY(sys::interface_index(space.index_socket.get(), fixup.interface.empty() ? brought_home_ : fixup.interface))
              : meant.descriptor.get();
      std::memcpy(request.data() + fixup.offset, &number, sizeof number);
    }
    const Status sent = space.netlink.request(std::as_bytes(std::span(request)), act.doing, act.object);
    if (!sent && sent.error().code() == act.forgiven) return {};
    return sent;
  }
  // False: this kernel lacks the kind.
  bool set_up() {
    const KernelHost host;
    const Status planned = plan_network(section_, host, recipe_);
    EXPECT_TRUE(planned) << planned.error().line();
    for (const Entry& entry : recipe_.entries) {
      const Status done = carry_out(entry.act);
      if (!done && done.error().code() == EOPNOTSUPP && entry.act.subject == section_.type) return false;
      EXPECT_TRUE(done) << entry.act.doing << ": " << done.error().line();
    }
    return true;
  }
  void take_back() {
    for (auto entry = recipe_.entries.rbegin(); entry != recipe_.entries.rend(); ++entry) {
      for (const Act& act : entry->undo) {
        const Status done = carry_out(act);
        EXPECT_TRUE(done) << act.doing << ": " << done.error().line();
      }
    }
  }
  static std::vector<std::string> names(Space& space) {
    std::vector<std::string> all;
    const auto links = space.netlink.links().value();
    for (const os::Link& link : links) all.push_back(link.name);
    return all;
  }

  Fd home_;
  std::optional<Space> container_, host_;
  Section section_;
  Recipe recipe_;
  std::string brought_home_;
};

TEST_P(NetworkDeviceTest, IsFoundByItsType) {
  EXPECT_EQ(find_device(device().traits().type).value(), &device());
  EXPECT_EQ(device().traits().needs_link && !device().traits().has_interface, false);
}

TEST_P(NetworkDeviceTest, PlanningChangesNothing) {
  const auto before = names(*host_);
  const KernelHost host;
  ASSERT_TRUE(plan_network(section_, host, recipe_));
  EXPECT_EQ(names(*host_), before);
  EXPECT_EQ(names(*container_).size(), 1U);
}

TEST_P(NetworkDeviceTest, TheInterfaceInsideIsAsAskedFor) {
  if (!set_up()) GTEST_SKIP() << "not in this kernel: " << section_.type;
  const auto found = container_->netlink.find("inside0").value();
  ASSERT_EQ(found.has_value(), device().traits().has_interface);
  if (!found) return;
  EXPECT_TRUE(found->up);
  std::vector<std::string> addresses;
  const auto known = container_->netlink.addresses_of(found->index).value();
  for (const os::LinkAddress& address : known) addresses.push_back(strings::cat(address.text, '/', address.prefix_length));
  EXPECT_THAT(addresses, Contains("10.5.0.7/24"));
  EXPECT_THAT(addresses, Contains("fd05::7/64"));
}

TEST_P(NetworkDeviceTest, WhatMovesInIsGoneOutside) {
  if (!set_up()) GTEST_SKIP() << "not in this kernel: " << section_.type;
  const auto all = names(*host_);
  const bool stays = std::ranges::find(all, "nic0") != all.end();
  EXPECT_EQ(stays, !device().traits().moves_link);
}

TEST_P(NetworkDeviceTest, TakenBackTheHostIsAsItWas) {
  const auto before = names(*host_);
  if (!set_up()) GTEST_SKIP() << "not in this kernel: " << section_.type;
  take_back();
  EXPECT_THAT(names(*host_), ::testing::UnorderedElementsAreArray(before));
  const auto nic = host_->netlink.find("nic0").value();
  ASSERT_TRUE(nic);
  EXPECT_TRUE(nic->up);
}

TEST_P(NetworkDeviceTest, TakenBackTwiceIsNoHarm) {
  const auto before = names(*host_);
  if (!set_up()) GTEST_SKIP() << "not in this kernel: " << section_.type;
  take_back();
  for (auto entry = recipe_.entries.rbegin(); entry != recipe_.entries.rend(); ++entry) {
    for (const Act& act : entry->undo) (void)carry_out(act);  // the first of them may say that it is done already
  }
  EXPECT_THAT(names(*host_), ::testing::UnorderedElementsAreArray(before));
}

TEST_P(NetworkDeviceTest, EveryActSaysWhatItDoesAndForWhichLine) {
  section_.origin = {"config", 3, "lxc.net.0.type = x"};
  const KernelHost host;
  ASSERT_TRUE(plan_network(section_, host, recipe_));
  for (const Entry& entry : recipe_.entries) {
    EXPECT_FALSE(entry.act.doing.empty());
    EXPECT_FALSE(entry.act.object.empty()) << entry.act.doing;
    EXPECT_FALSE(entry.outlives && entry.undo.empty()) << entry.act.doing;
    for (const Act& act : entry.undo) EXPECT_FALSE(act.doing.empty()) << entry.act.doing;
  }
}

INSTANTIATE_TEST_SUITE_P(All, NetworkDeviceTest, ::testing::ValuesIn(devices().begin(), devices().end()),
                         [](const auto& info) { return std::string(info.param->traits().type); });

}  // namespace
}  // namespace berth::network
