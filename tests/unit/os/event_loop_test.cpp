#include "os/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <string>

#include "../sys/faults.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::os {
namespace {

using std::chrono::milliseconds;

struct Pipe {
  Fd read_end, write_end;
};
Pipe make_pipe() {
  auto [read_end, write_end] = sys::make_pipe().value();
  return {std::move(read_end), std::move(write_end)};
}
void poke(const Pipe& pipe) { ASSERT_TRUE(sys::write_all(pipe.write_end.get(), "x", "pipe")); }

TEST(EventLoop, CallsForWhatIsReady) {
  EventLoop loop = EventLoop::create().value();
  const Pipe quiet = make_pipe();
  const Pipe loud = make_pipe();
  std::string calls;
  ASSERT_TRUE(loop.add(quiet.read_end.get(), EPOLLIN, [&](std::uint32_t) { calls += 'q'; }));
  ASSERT_TRUE(loop.add(loud.read_end.get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events, static_cast<std::uint32_t>(EPOLLIN));
    calls += 'l';
    loop.stop();
  }));
  poke(loud);
  ASSERT_TRUE(loop.run());
  EXPECT_EQ(calls, "l");
}

TEST(EventLoop, OneDescriptorOnce) {
  EventLoop loop = EventLoop::create().value();
  const Pipe pipe = make_pipe();
  ASSERT_TRUE(loop.add(pipe.read_end.get(), EPOLLIN, [](std::uint32_t) {}));
  EXPECT_EQ(loop.add(pipe.read_end.get(), EPOLLIN, [](std::uint32_t) {}).error().code(), EEXIST);
  loop.remove(pipe.read_end.get());
  EXPECT_TRUE(loop.add(pipe.read_end.get(), EPOLLIN, [](std::uint32_t) {}));
  EXPECT_EQ(loop.add(9999, EPOLLIN, [](std::uint32_t) {}).error().line(),
            "epoll_ctl(descriptor 9999): Bad file descriptor (EBADF)");
}

TEST(EventLoop, RemovedWithinTheSameBatchIsNotCalled) {
  EventLoop loop = EventLoop::create().value();
  const Pipe a = make_pipe();
  const Pipe b = make_pipe();
  int calls = 0;
  const auto remove_both = [&](std::uint32_t) {
    ++calls;
    loop.remove(a.read_end.get());  // one of them is the caller itself
    loop.remove(b.read_end.get());
  };
  ASSERT_TRUE(loop.add(a.read_end.get(), EPOLLIN, remove_both));
  ASSERT_TRUE(loop.add(b.read_end.get(), EPOLLIN, remove_both));
  poke(a);
  poke(b);
  ASSERT_TRUE(loop.run_once(1000));
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AReusedNumberIsAStranger) {
  EventLoop loop = EventLoop::create().value();
  Pipe a = make_pipe();
  const Pipe b = make_pipe();
  std::string calls;
  const auto replace = [&](std::uint32_t) {
    calls += 'o';
    const int number = a.read_end.get();
    loop.remove(number);
    loop.remove(b.read_end.get());
    a = make_pipe();
    ASSERT_TRUE(loop.add(b.read_end.get(), EPOLLIN, [&](std::uint32_t) { calls += 'n'; }));
  };
  ASSERT_TRUE(loop.add(a.read_end.get(), EPOLLIN, replace));
  ASSERT_TRUE(loop.add(b.read_end.get(), EPOLLIN, replace));
  poke(a);
  poke(b);
  ASSERT_TRUE(loop.run_once(1000));
  EXPECT_EQ(calls, "o") << "an event of the batch belongs to what was watched then";
  ASSERT_TRUE(loop.run_once(1000));
  EXPECT_EQ(calls, "on");
}

TEST(EventLoop, ChangesWhatIsWatched) {
  EventLoop loop = EventLoop::create().value();
  const Pipe pipe = make_pipe();
  int calls = 0;
  ASSERT_TRUE(loop.add(pipe.read_end.get(), EPOLLIN, [&](std::uint32_t) { ++calls; }));
  poke(pipe);
  ASSERT_TRUE(loop.change(pipe.read_end.get(), 0));
  ASSERT_TRUE(loop.run_once(0));
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(loop.change(pipe.read_end.get(), EPOLLIN));
  ASSERT_TRUE(loop.run_once(0));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(loop.change(9999, EPOLLIN).error().code(), ENOENT);
}

TEST(EventLoop, TimersFireOnceInOrder) {
  EventLoop loop = EventLoop::create().value();
  std::string calls;
  ASSERT_TRUE(loop.add_timer(milliseconds(20), [&] {
    calls += '2';
    loop.stop();
  }));
  ASSERT_TRUE(loop.add_timer(milliseconds(0), [&] { calls += '1'; }));
  const auto cancelled = loop.add_timer(milliseconds(1), [&] { calls += 'x'; }).value();
  loop.cancel_timer(cancelled);
  loop.cancel_timer(cancelled);
  ASSERT_TRUE(loop.run());
  EXPECT_EQ(calls, "12");
}

TEST(EventLoop, ATimerMaySetTheNext) {
  EventLoop loop = EventLoop::create().value();
  EventLoop moved = std::move(loop);
  int calls = 0;
  std::function<void()> again = [&] {
    if (++calls == 3) return moved.stop();
    ASSERT_TRUE(moved.add_timer(milliseconds(1), again));
  };
  ASSERT_TRUE(moved.add_timer(milliseconds(1), again));
  ASSERT_TRUE(moved.run());
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, StopBeforeRunHolds) {
  EventLoop loop = EventLoop::create().value();
  loop.stop();
  EXPECT_TRUE(loop.run());
}

TEST(EventLoop, FailuresAreToldAndLeakNothing) {
  const std::size_t before = berth::testing::open_descriptors();
  for (int nth = 1;; ++nth) {
    const berth::testing::ScopedFault fault(berth::testing::ScopedFault::kAnyCall, nth, ENOSPC);
    const Status result = [] -> Status {
      EventLoop loop = TRY(EventLoop::create());
      TRY(loop.add_timer(milliseconds(0), [&loop] { loop.stop(); }));
      return loop.run_once(1000);
    }();
    const bool removal_only = nth == 6;  // EPOLL_CTL_DEL of a timer that is closed right after
    EXPECT_EQ(result.has_value(), !fault.fired() || removal_only) << "call " << nth;
    EXPECT_EQ(berth::testing::open_descriptors(), before) << "call " << nth;
    if (!fault.fired()) break;
  }
}

}  // namespace
}  // namespace berth::os
