// Fd and Defer.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>

#include "base/defer.hpp"
#include "base/fd.hpp"

namespace berth {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
Fd open_null() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

static_assert(!std::is_copy_constructible_v<Fd> && !std::is_copy_assignable_v<Fd>);
static_assert(std::is_nothrow_move_constructible_v<Fd> && std::is_nothrow_move_assignable_v<Fd>);
static_assert(!std::is_convertible_v<int, Fd>, "a number must not become an owner by accident");

TEST(Fd, ClosesAtTheEndOfItsScope) {
  int number = -1;
  {
    const Fd fd = open_null();
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, MoveAssignmentClosesWhatWasHeld) {
  Fd held = open_null();
  const int old = held.get();
  Fd other = open_null();
  const int moved = other.get();
  held = std::move(other);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(held.get(), moved);
  EXPECT_FALSE(other.valid());  // NOLINT: the moved-from state is part of the contract
}

TEST(Fd, SelfMoveKeepsTheDescriptor) {
  Fd fd = open_null();
  Fd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(Fd, ReleaseGivesUpOwnership) {
  Fd fd = open_null();
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  EXPECT_EQ(::close(number), 0);
}

TEST(Defer, RunsOnceAtTheEndUnlessDismissed) {
  int runs = 0;
  {
    const Defer first([&] { ++runs; });
    Defer second([&] { runs += 10; });
    second.dismiss();
    EXPECT_EQ(runs, 0);
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace berth
