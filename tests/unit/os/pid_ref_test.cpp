#include "os/pid_ref.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <type_traits>

#include "sys/raw.hpp"

namespace berth::os {
namespace {

static_assert(!std::is_copy_constructible_v<PidRef> && std::is_nothrow_move_constructible_v<PidRef>);

PidRef sleeping_child() {
  sys::Cloned child = sys::clone(0).value();
  if (child.pid == 0) {
    for (;;) (void)sys::raw::call(SYS_pause);
  }
  return PidRef(std::move(child));
}

TEST(PidRef, LifeAndDeath) {
  const PidRef child = sleeping_child();
  EXPECT_TRUE(child.alive().value());
  EXPECT_FALSE(child.wait_ended(std::chrono::milliseconds(1)).value());
  EXPECT_EQ(child.try_reap().value(), std::nullopt);
  ASSERT_TRUE(child.signal(SIGTERM));
  EXPECT_TRUE(child.wait_ended(std::chrono::seconds(20)).value());
  EXPECT_FALSE(child.alive().value());
  EXPECT_EQ(WTERMSIG(child.reap().value()), SIGTERM);
  EXPECT_FALSE(child.alive().value()) << "also when it is reaped";
}

TEST(PidRef, OfAStranger) {
  const PidRef parent = PidRef::open(::getppid()).value();
  EXPECT_EQ(parent.pid(), ::getppid());
  EXPECT_TRUE(parent.alive().value());
  EXPECT_FALSE(parent.reap());
  EXPECT_FALSE(PidRef::open(-1));
}

TEST(PidRef, EmptyOnesSaySo) {
  const PidRef none;
  EXPECT_FALSE(none.valid());
  EXPECT_FALSE(none.signal(0));
}

}  // namespace
}  // namespace berth::os
