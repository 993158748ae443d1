#include "runtime/interface_move.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

// --- radios --------------------------------------------------------------------------------------------------------------

TEST(Radio, ItsNumberInWhatIwSays) {
  EXPECT_EQ(parse_radio("Interface wlan0\n\tifindex 3\n\ttype managed\n\twiphy 12\n\ttxpower 20.00 dBm\n"), 12U);
  EXPECT_FALSE(parse_radio("Interface wlan0\n\tifindex 3\n"));
  EXPECT_FALSE(parse_radio("\twiphy x\n\twiphy\n"));
  EXPECT_FALSE(parse_radio(""));
}

// A program called iw that notes what it was asked.
class FakeIw {
 public:
  explicit FakeIw(std::string_view script) {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-iw-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    std::ofstream(directory_ + "/iw") << "#!/bin/sh\necho \"$@\" >>" << directory_ << "/asked\n" << script;
    ::chmod((directory_ + "/iw").c_str(), 0755);
  }
  FakeIw(const FakeIw&) = delete;
  FakeIw& operator=(const FakeIw&) = delete;
  ~FakeIw() { std::filesystem::remove_all(directory_); }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string asked() const { return sys::read_file(directory_ + "/asked").value_or(""); }

 private:
  std::string directory_;
};

TEST(Radio, MovesByItsNumber) {
  const FakeIw iw("[ \"$1\" != dev ] || printf 'Interface wlan0\\n\\twiphy 3\\n'");
  const Radios radios(iw.directory());
  EXPECT_EQ(radios.radio_of(-1, "wlan0").value(), 3U);
  EXPECT_TRUE(radios.move(-1, 3, 4711));
  EXPECT_EQ(iw.asked(), "dev wlan0 info\nphy#3 set netns 4711\n");
}

TEST(Radio, WhatNl80211DoesNotKnowIsNone) {
  const FakeIw iw("echo 'command failed: No such device (-19)' >&2; exit 237");
  EXPECT_FALSE(Radios(iw.directory()).radio_of(-1, "eth0").value());
  const Status refused = Radios(iw.directory()).move(-1, 3, 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().render("p", "s").find("No such device (-19)"), std::string::npos) << refused.error().render("p", "s");
}

TEST(Radio, WithoutIwItSaysWhatIsMissing) {
  const auto radio = Radios("/nonexistent").radio_of(-1, "wlan0");
  ASSERT_FALSE(radio);
  EXPECT_NE(radio.error().render("p", "s").find("install the package iw"), std::string::npos) << radio.error().render("p", "s");
}

// --- moves ---------------------------------------------------------------------------------------------------------------

#define NEEDED(condition)                                  \
  do {                                                     \
    if (!(condition)) {                                    \
      std::cerr << __LINE__ << ": " << #condition << '\n'; \
      return 1;                                            \
    }                                                      \
  } while (false)

NetworkSide side_with(std::string_view words, std::vector<os::Link> links) {
  return {words, Fd(), ::getpid(), os::Netlink::open().value(), std::move(links)};
}

TEST(InterfaceMove, NamesOfTheOtherSideArePrintable) {
  os::Link moved, same, like_another;
  moved.name = same.name = "a\x1b[31m";
  moved.other_names = {like_another.name = "b\x1b[2J"};
  NetworkSide from = side_with("the container", {moved});
  NetworkSide free = side_with("the host", {}), taken = side_with("the host", {same}),
              other = side_with("the host", {like_another});
  const auto said = [&](NetworkSide& to, const char* wanted) {
    return move_interface(from, to, {"a\x1b[31m", wanted, ""}).error().render("p", "s");
  };
  for (const std::string& text : {said(free, "b\x1b[2J"), said(taken, ""), said(other, "")}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_TRUE(text.find("a?[31m") != std::string::npos || text.find("b?[2J") != std::string::npos) << text;
  }
}

NetworkSide side_here(std::string_view words) {
  os::Netlink socket = os::Netlink::open().value();
  auto links = socket.links().value();
  return {words, sys::open("/proc/thread-self/ns/net", O_RDONLY).value(), ::getpid(), std::move(socket), std::move(links)};
}

bool add_pair(os::Netlink& socket, const std::string& one, const std::string& other) {
  os::NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  message.add_text(IFLA_IFNAME, one);
  message.open(IFLA_LINKINFO);
  message.add_text(IFLA_INFO_KIND, "veth");
  message.open(IFLA_INFO_DATA);
  message.open(VETH_INFO_PEER);
  message.add_structure(ifinfomsg{});
  message.add_text(IFLA_IFNAME, other);
  message.close();
  message.close();
  message.close();
  return socket.request(message, "add", one).has_value();
}

void look_again(NetworkSide& side) { side.links = side.socket.links().value(); }

// Two network namespaces of this process's own user; `near` has the interface "one", up, with an address and another name.
struct Two {
  NetworkSide near, far;
};

std::optional<Two> make_two() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return std::nullopt;
  NetworkSide near = side_here("near");
  if (::unshare(CLONE_NEWNET) != 0) return std::nullopt;
  if (!add_pair(near.socket, "one", "two")) return std::nullopt;
  look_again(near);
  const int index = near.find("one")->index;
  if (!near.socket.raise(index) || !near.socket.add_other_name(index, "another-name-that-is-long")) return std::nullopt;
  if (!near.socket.add_address(index, {AF_INET, "10.1.2.3", 24, 0})) return std::nullopt;
  if (!near.socket.add_address(index, {AF_INET6, "fd00::7", 64, 0})) return std::nullopt;
  look_again(near);
  return Two{std::move(near), side_here("far")};
}

bool is_whole(const os::Link* link) {
  if (link == nullptr || link->name != "one" || !link->up || link->other_names.size() != 1 || !link->alias.empty()) return false;
  std::string addresses;
  for (const auto& address : link->addresses) {
    if (address.scope == 0) addresses += strings::cat(address.text, '/', address.prefix_length, ' ');
  }
  return addresses == "10.1.2.3/24 fd00::7/64 ";
}

// In a process of its own, as it leaves its namespaces. 77: not possible here.
template <typename Body>
void in_two_namespaces(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto two = make_two();
    ::_exit(two ? body(*two) : 77);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespaces with networks here";
  EXPECT_EQ(status, 0);
}

TEST(InterfaceMove, ThereAndBackWithItsNamesAndItsNote) {
  in_two_namespaces([](Two& two) {
    NEEDED(move_interface(two.near, two.far, {"another-name-that-is-long", "inside", "a note"}));
    look_again(two.near), look_again(two.far);
    NEEDED(two.near.find("one") == nullptr);
    const os::Link* moved = two.far.find("inside");
    NEEDED(moved != nullptr && moved->alias == "a note" && moved->other_names.size() == 1);
    NEEDED(move_interface(two.far, two.near, {"inside", "one", ""}));
    look_again(two.near);
    const os::Link* back = two.near.find("one");
    NEEDED(back != nullptr && back->alias.empty() && back->other_names.size() == 1);
    return 0;
  });
}

TEST(InterfaceMove, ANameThatIsTakenChangesNothing) {
  in_two_namespaces([](Two& two) {
    NEEDED(add_pair(two.far.socket, "taken", "x"));
    look_again(two.far);
    const Status refused = move_interface(two.near, two.far, {"one", "taken", "a note"});
    NEEDED(!refused && refused.error().code() == EEXIST);
    NEEDED(!move_interface(two.near, two.far, {"one", "another-name-that-is-long", ""}));
    NEEDED(!move_interface(two.near, two.far, {"one", "a/b", ""}));
    NEEDED(!move_interface(two.near, two.far, {"lo", "", ""}));
    look_again(two.near);
    NEEDED(is_whole(two.near.find("one")));
    return 0;
  });
}

TEST(InterfaceMove, AnotherNameThatIsTakenChangesNothing) {
  in_two_namespaces([](Two& two) {
    NEEDED(add_pair(two.far.socket, "x", "y"));
    look_again(two.far);
    NEEDED(two.far.socket.add_other_name(two.far.find("x")->index, "another-name-that-is-long"));
    look_again(two.far);
    const Status refused = move_interface(two.near, two.far, {"one", "", ""});
    NEEDED(!refused && refused.error().render("p", "s").find("another name of this interface") != std::string::npos);
    look_again(two.near);
    NEEDED(is_whole(two.near.find("one")));
    return 0;
  });
}

// Somebody takes the name between the look and the move: the kernel has moved the interface, and does not rename it.
TEST(InterfaceMove, HalfTheWayIsTakenBack) {
  in_two_namespaces([](Two& two) {
    NEEDED(add_pair(two.far.socket, "taken", "x"));
    const Status refused = move_interface(two.near, two.far, {"one", "taken", "a note"});
    NEEDED(!refused && refused.error().code() == EEXIST);
    look_again(two.near), look_again(two.far);
    NEEDED(two.far.find("one") == nullptr);
    NEEDED(is_whole(two.near.find("one")));
    return 0;
  });
}

// As between the look and the move above, with another name of it.
TEST(InterfaceMove, AnotherNameThatIsTakenMeanwhile) {
  in_two_namespaces([](Two& two) {
    NEEDED(add_pair(two.far.socket, "x", "y"));
    NEEDED(two.far.socket.add_other_name(two.far.socket.links().value().back().index, "another-name-that-is-long"));
    NEEDED(!move_interface(two.near, two.far, {"one", "inside", "a note"}));
    look_again(two.near);
    NEEDED(is_whole(two.near.find("one")));
    return 0;
  });
}

}  // namespace
}  // namespace berth::runtime
