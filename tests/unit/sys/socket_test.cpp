#include "sys/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/strings.hpp"
#include "faults.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::sys {
namespace {

using berth::testing::open_descriptors;
using berth::testing::ScopedFault;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

TEST(Socket, DescriptorsAndCredentialsTravel) {
  auto [left, right] = socket_pair(SOCK_SEQPACKET).value();
  ASSERT_TRUE(set_option(right.get(), SOL_SOCKET, SO_PASSCRED, 1));
  const Fd first = memfd("first", 0).value();
  ASSERT_TRUE(write_all(first.get(), "hello", "first"));
  const std::array<int, 2> sent = {first.get(), left.get()};
  ASSERT_TRUE(send(left.get(), bytes("data"), sent, true));

  std::array<std::byte, 64> buffer{};
  const Received received = receive(right.get(), buffer).value();
  EXPECT_EQ(received.bytes, 4U);
  EXPECT_EQ(std::memcmp(buffer.data(), "data", 4), 0);
  ASSERT_EQ(received.descriptors.size(), 2U);
  EXPECT_EQ(::fcntl(received.descriptors[0].get(), F_GETFD), FD_CLOEXEC);
  ASSERT_TRUE(rewind(received.descriptors[0].get()));
  EXPECT_EQ(read_all(received.descriptors[0].get(), "x").value(), "hello");
  ASSERT_TRUE(received.credentials);
  EXPECT_EQ(received.credentials->pid, ::getpid());
}

TEST(Socket, ClosedPeerIsNoSignalAndReadsAsNothing) {
  auto [left, right] = socket_pair(SOCK_STREAM).value();
  right.reset();
  EXPECT_EQ(send(left.get(), bytes("x")).error().line(), "sendmsg: Broken pipe (EPIPE)");
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(receive(left.get(), buffer).value().bytes, 0U);
}

TEST(Socket, AbstractAddressesEndWithTheName) {
  const std::string name = strings::cat("berth-test/", ::getpid(), "/command");
  const Fd server = sys::socket(AF_UNIX, SOCK_STREAM, 0).value();
  ASSERT_TRUE(bind_abstract(server.get(), name));
  ASSERT_TRUE(sys::listen(server.get(), 4));
  const std::string listed = read_file("/proc/net/unix").value();
  EXPECT_NE(listed.find("@" + name + "\n"), std::string::npos);
  const Fd client = sys::socket(AF_UNIX, SOCK_STREAM, 0).value();
  ASSERT_TRUE(connect_abstract(client.get(), name));
  const Fd accepted = sys::accept(server.get()).value();
  EXPECT_EQ(peer_credentials(accepted.get()).value().pid, ::getpid());
  const Fd stranger = sys::socket(AF_UNIX, SOCK_STREAM, 0).value();
  EXPECT_EQ(connect_abstract(stranger.get(), name + "x").error().line(),
            "connect(@" + name + "x): Connection refused (ECONNREFUSED)");
  EXPECT_EQ(bind_abstract(stranger.get(), name).error().code(), EADDRINUSE);
}

TEST(Socket, TooLongAddressesAreRefusedHere) {
  const Fd fd = sys::socket(AF_UNIX, SOCK_STREAM, 0).value();
  EXPECT_TRUE(bind_abstract(fd.get(), strings::cat(::getpid(), std::string(100, 'n')).substr(0, 107)));
  EXPECT_EQ(bind_abstract(fd.get(), std::string(108, 'n')).error().code(), ENAMETOOLONG);
}

TEST(Socket, InterruptedCallsAreRepeated) {
  auto [left, right] = socket_pair(SOCK_STREAM).value();
  std::array<std::byte, 8> buffer{};
  for (const long call : {SYS_sendmsg, SYS_recvmsg}) {
    const ScopedFault fault(call, 1, EINTR);
    ASSERT_TRUE(send(left.get(), bytes("x")));
    EXPECT_EQ(receive(right.get(), buffer).value().bytes, 1U);
  }
}

TEST(Socket, RefusedDescriptorsLeakNothing) {
  auto [left, right] = socket_pair(SOCK_STREAM).value();
  const std::size_t before = open_descriptors();
  const std::vector<int> many(254, left.get());
  EXPECT_FALSE(send(left.get(), bytes("x"), many));
  const std::vector<int> most(253, left.get());
  ASSERT_TRUE(send(left.get(), bytes("x"), most));
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(receive(right.get(), buffer).value().descriptors.size(), 253U);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Socket, PollAndTimers) {
  const Fd timer = timer_fd().value();
  pollfd entry = {timer.get(), POLLIN, 0};
  EXPECT_EQ(poll({&entry, 1}, 0).value(), 0U);
  ASSERT_TRUE(arm_timer(timer.get(), std::chrono::milliseconds(2)));
  const ScopedFault fault(SYS_ppoll, 1, EINTR);
  EXPECT_EQ(poll({&entry, 1}, 5000).value(), 1U);
}

}  // namespace
}  // namespace berth::sys
