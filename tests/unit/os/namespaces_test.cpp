#include "os/namespaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <set>

namespace berth::os {
namespace {

using ::testing::ElementsAre;

TEST(Namespaces, EightOfThemAndUserFirst) {
  EXPECT_EQ(namespaces().size(), 8U);
  EXPECT_EQ(namespaces().front().config_name, "user");
  std::set<int> flags;
  for (const Namespace& row : namespaces()) EXPECT_TRUE(flags.insert(row.flag).second) << row.config_name;
}

TEST(Namespaces, FoundByNameAndByFlag) {
  EXPECT_EQ(find_namespace("net")->flag, CLONE_NEWNET);
  EXPECT_EQ(find_namespace(CLONE_NEWNS)->proc_name, "mnt");
  EXPECT_EQ(find_namespace("mount"), nullptr);
  EXPECT_EQ(find_namespace(CLONE_NEWNS | CLONE_NEWNET), nullptr);
}

TEST(Namespaces, ListsBothWays) {
  const std::vector<std::string_view> words = {"net", "ipc"};
  EXPECT_EQ(parse_namespaces(words).value(), CLONE_NEWNET | CLONE_NEWIPC);
  EXPECT_THAT(namespace_names(CLONE_NEWNET | CLONE_NEWIPC), ElementsAre("ipc", "net"));
}

TEST(Namespaces, UnknownWordsGetAnAdvice) {
  const std::vector<std::string_view> words = {"net", "usr"};
  const Error error = parse_namespaces(words).error();
  EXPECT_EQ(error.line(), "\"usr\" is not a namespace");
  EXPECT_EQ(error.hint(), "did you mean \"user\"?");
  const std::vector<std::string_view> strange = {"zzzzzz"};
  EXPECT_EQ(parse_namespaces(strange).error().hint(), "use any of cgroup ipc mnt net pid time user uts");
}

TEST(Namespaces, OpensAndCompares) {
  const Fd net = open_namespace(::getpid(), *find_namespace("net")).value();
  const Fd again = open_namespace(::getpid(), *find_namespace("net")).value();
  const Fd uts = open_namespace(::getpid(), *find_namespace("uts")).value();
  EXPECT_TRUE(same_namespace(net.get(), again.get()).value());
  EXPECT_FALSE(same_namespace(net.get(), uts.get()).value());
}

}  // namespace
}  // namespace berth::os
