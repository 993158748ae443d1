#include <gtest/gtest.h>
#include <berth/container.hpp>
#include <berth/events.hpp>

#include <cerrno>
#include <type_traits>

namespace {

using namespace berth::api;

template <typename T>
constexpr bool kMoveOnly = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                           std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
static_assert(kMoveOnly<Container> && kMoveOnly<Containers> && kMoveOnly<Events> && kMoveOnly<Process> && kMoveOnly<Descriptor>);

const char* const kNowhere = "/nonexistent/berth-api-test";

TEST(ApiContainer, OpensWhatDoesNotExist) {
  const auto container = Container::open("web", std::string(kNowhere) + "//");
  ASSERT_TRUE(container);
  EXPECT_EQ(container->name(), "web");
  EXPECT_EQ(container->lxcpath(), kNowhere);
  EXPECT_EQ(container->config_file(), std::string(kNowhere) + "/web/config");
  EXPECT_FALSE(container->defined());
}

TEST(ApiContainer, RefusesNamesAndPaths) {
  const auto name = Container::open("a/b", kNowhere);
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().because(), "it contains '/'");
  const auto path = Container::open("web", "relative");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code(), EINVAL);
  EXPECT_FALSE(path.error().hint().empty());
  EXPECT_FALSE(Container::open("web", std::string("/a\0b", 4)));
}

TEST(ApiContainer, MissingLxcpathHasNoContainers) {
  for (const Which which : {Which::kAll, Which::kDefined, Which::kRunning}) {
    const auto all = containers(which, kNowhere);
    ASSERT_TRUE(all) << all.error().message();
    EXPECT_TRUE(all->empty());
    EXPECT_EQ(all->begin(), all->end());
  }
}

TEST(ApiContainer, MovedFromSaysSo) {
  Container first = Container::open("web", kNowhere).value();
  const Container second = std::move(first);
  EXPECT_EQ(second.name(), "web");
  EXPECT_EQ(first.name(), "");
  EXPECT_EQ(first.state().error().code(), EBADF);
  EXPECT_EQ(first.run({"/bin/true"}).error().code(), EBADF);
  EXPECT_EQ(first.rename("x").error().code(), EBADF);
  first = Container::open("db", kNowhere).value();
  EXPECT_EQ(first.name(), "db");
}

TEST(ApiContainer, WhatDoesNotRun) {
  const Container container = Container::open("web", kNowhere).value();
  EXPECT_EQ(container.state().value(), State::kStopped);
  EXPECT_FALSE(container.running().value());
  EXPECT_FALSE(container.stop().value());
  EXPECT_EQ(container.init_pid().error().code(), ECONNREFUSED);
  EXPECT_EQ(container.freeze().error().code(), ECONNREFUSED);
  EXPECT_EQ(container.cgroup_item("memory.max").error().code(), ECONNREFUSED);
  EXPECT_EQ(container.config().error().code(), ENOENT);
  EXPECT_EQ(container.wait({}).error().code(), EINVAL);
}

TEST(ApiState, NamesComeBack) {
  for (int i = 0; i <= static_cast<int>(State::kThawed); ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_EQ(parse_state(to_string(state)), state);
  }
  EXPECT_EQ(to_string(State::kFrozen), "FROZEN");
  EXPECT_FALSE(parse_state("running"));
}

TEST(ApiExitStatus, SaysWhatAShellSays) {
  EXPECT_TRUE(ExitStatus(0).success());
  EXPECT_EQ(ExitStatus(3 << 8).code(), 3);
  EXPECT_FALSE(ExitStatus(3 << 8).signal());
  EXPECT_EQ(ExitStatus(9).signal(), 9);
  EXPECT_EQ(ExitStatus(9 | 0x80).code(), 137);
}

TEST(ApiError, OfAProgramsOwn) {
  const Error error(ENOSPC, "no room for another container", "remove one");
  const Error copy = error;
  EXPECT_EQ(copy.code(), ENOSPC);
  EXPECT_EQ(copy.message(), "no room for another container");
  EXPECT_EQ(copy.text("tool", "web"), "tool: web: no room for another container\n  try: remove one\n");
}

}  // namespace
