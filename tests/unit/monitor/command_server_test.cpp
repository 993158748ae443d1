#include "monitor/command_server.hpp"

#include "fixtures.hpp"

namespace berth::monitor {
namespace {

using runtime::Command;
using runtime::State;
using test::read_reply;
using test::request_bytes;
using test::run_until;
using test::send_bytes;

class RecordingHandler final : public CommandHandler {
 public:
  Reply on_command(const Request& request) override {
    seen.push_back(request.command);
    arguments.push_back(request.argument);
    data.emplace_back(request.data);
    connection = &request.connection;
    if (request.descriptor != nullptr && *request.descriptor) taken.push_back(std::move(*request.descriptor));
    Reply reply = std::exchange(answer, Reply{});
    return reply;
  }
  void on_disconnect(Connection& gone) override { disconnected.push_back(&gone); }

  std::vector<Command> seen;
  std::vector<std::uint64_t> arguments;
  std::vector<std::string> data;
  std::vector<Connection*> disconnected;
  std::vector<Fd> taken;
  Connection* connection = nullptr;
  Reply answer;
};

class CommandServerTest : public ::testing::Test {
 protected:
  CommandServerTest() : loop(std::move(*Loop::open())), server(loop, handler) {}

  Fd connect() {
    auto [client, served] = std::move(*sys::socket_pair(SOCK_STREAM));
    EXPECT_TRUE(server.adopt(std::move(served)));
    return std::move(client);
  }
  bool settle() {
    return run_until(loop, [this] { return server.connections() == 0; });
  }

  Loop loop;
  RecordingHandler handler;
  CommandServer server;
};

TEST_F(CommandServerTest, AnswersAScalarAndCloses) {
  const Fd client = connect();
  handler.answer = Reply::number(4711);
  send_bytes(client.get(), request_bytes(Command::kGetInitPid));
  ASSERT_TRUE(settle());
  const auto reply = read_reply(client.get());
  EXPECT_EQ(0, reply.header.result);
  EXPECT_EQ(4711U, reply.value());
  EXPECT_TRUE(read_reply(client.get()).closed);
}

TEST_F(CommandServerTest, PassesArgumentAndText) {
  const Fd first = connect();
  send_bytes(first.get(), request_bytes(Command::kGetTtyFd, 0xffffffffU));
  ASSERT_TRUE(settle());
  EXPECT_EQ(0xffffffffU, handler.arguments.at(0));
  const Fd second = connect();
  handler.answer = Reply::text("/lxc.payload.c1");
  send_bytes(second.get(), request_bytes(Command::kGetCgroup, 1234, std::string("freezer\0", 8)));
  ASSERT_TRUE(settle());
  EXPECT_EQ(std::string("freezer\0", 8), handler.data.at(1));
  EXPECT_EQ(0U, handler.arguments.at(1)) << "the field is a pointer of the client's when there is data";
  EXPECT_EQ(std::string("/lxc.payload.c1\0", 16), read_reply(second.get()).data);
}

TEST_F(CommandServerTest, AcceptsARequestByteByByte) {
  const Fd client = connect();
  const std::string bytes = request_bytes(Command::kGetConfigItem, 0, std::string("lxc.arch\0", 9));
  for (const char byte : bytes) {
    send_bytes(client.get(), std::string(1, byte));
    ASSERT_TRUE(loop.step());
  }
  ASSERT_TRUE(settle());
  EXPECT_EQ(std::string("lxc.arch\0", 9), handler.data.at(0));
}

TEST_F(CommandServerTest, DropsLengthsOutOfBounds) {
  for (const std::int32_t length : {-1, runtime::kCommandDataMax + 1, INT32_MIN, INT32_MAX}) {
    const Fd client = connect();
    std::string bytes = request_bytes(Command::kGetCgroup);
    std::memcpy(bytes.data() + 4, &length, sizeof length);
    send_bytes(client.get(), bytes);
    ASSERT_TRUE(settle()) << length;
    EXPECT_TRUE(read_reply(client.get()).closed) << length;
  }
  EXPECT_TRUE(handler.seen.empty());
}

TEST_F(CommandServerTest, AClientThatLeavesHalfwayIsForgotten) {
  Fd client = connect();
  send_bytes(client.get(), request_bytes(Command::kGetCgroup, 0, std::string(100, 'x')).substr(0, 40));
  client.reset();
  ASSERT_TRUE(settle());
  EXPECT_TRUE(handler.seen.empty());
  EXPECT_TRUE(handler.disconnected.empty());
}

TEST_F(CommandServerTest, PassesADescriptor) {
  const Fd client = connect();
  const Fd null = std::move(*sys::open("/dev/null", O_RDONLY | O_CLOEXEC));
  handler.answer = Reply::descriptor(null.get(), 3);
  send_bytes(client.get(), request_bytes(Command::kGetInitPidfd));
  ASSERT_TRUE(settle());
  const auto reply = read_reply(client.get());
  ASSERT_EQ(1U, reply.descriptors.size());
  struct stat sent{}, original{};
  ASSERT_EQ(0, ::fstat(reply.descriptors[0].get(), &sent));
  ASSERT_EQ(0, ::fstat(null.get(), &original));
  EXPECT_EQ(original.st_rdev, sent.st_rdev);
  EXPECT_EQ(3U, reply.value());
}

TEST_F(CommandServerTest, ADescriptorComesBehindTheRequestThatBringsOne) {
  const Fd client = connect();
  const Fd null = std::move(*sys::open("/dev/null", O_RDONLY | O_CLOEXEC));
  send_bytes(client.get(), request_bytes(Command::kSeccompNotifyAddListener, 7));
  ASSERT_TRUE(loop.step());
  EXPECT_TRUE(handler.seen.empty()) << "it is not there yet";
  const std::byte carrier{0};
  const int descriptor = null.get();
  ASSERT_TRUE(sys::send(client.get(), std::span(&carrier, 1), std::span(&descriptor, 1)));
  ASSERT_TRUE(settle());
  EXPECT_EQ(0, read_reply(client.get()).header.result);
  ASSERT_EQ(1U, handler.taken.size());
  struct stat sent{}, original{};
  ASSERT_EQ(0, ::fstat(handler.taken[0].get(), &sent));
  ASSERT_EQ(0, ::fstat(null.get(), &original));
  EXPECT_EQ(original.st_rdev, sent.st_rdev);
}

TEST_F(CommandServerTest, DescriptorsOfOtherCommandsAreClosed) {
  const Fd client = connect();
  const Fd null = std::move(*sys::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string bytes = request_bytes(Command::kGetName);
  const int descriptor = null.get();
  ASSERT_TRUE(sys::send(client.get(), std::as_bytes(std::span(bytes)), std::span(&descriptor, 1)));
  ASSERT_TRUE(settle());
  EXPECT_EQ(1U, handler.seen.size());
  EXPECT_TRUE(handler.taken.empty());
}

TEST_F(CommandServerTest, KeepsALeaseUntilTheClientLeaves) {
  Fd client = connect();
  handler.answer.then = Reply::Then::kKeep;
  send_bytes(client.get(), request_bytes(Command::kGetTtyFd, 1));
  ASSERT_TRUE(run_until(loop, [this] { return !handler.seen.empty(); }));
  EXPECT_EQ(1U, server.connections());
  client.reset();
  ASSERT_TRUE(settle());
  EXPECT_EQ(std::vector<Connection*>{handler.connection}, handler.disconnected);
}

TEST_F(CommandServerTest, ASilentCommandGetsNoReplyAndStaysConnected) {
  const Fd client = connect();
  handler.answer.then = Reply::Then::kSilent;
  send_bytes(client.get(), request_bytes(Command::kStop));
  ASSERT_TRUE(run_until(loop, [this] { return !handler.seen.empty(); }));
  EXPECT_EQ(1U, server.connections());
  const auto reply = read_reply(client.get());
  EXPECT_FALSE(reply.closed);
  EXPECT_EQ(-9999, reply.header.result) << "nothing was sent";
}

TEST_F(CommandServerTest, TellsSubscribersOnceAndHangsUp) {
  const Fd client = connect();
  handler.answer.then = Reply::Then::kKeep;
  handler.answer.result = runtime::kStates;
  send_bytes(client.get(), request_bytes(Command::kAddStateClient, 0, std::string(32, '\0')));
  ASSERT_TRUE(run_until(loop, [this] { return !handler.seen.empty(); }));
  std::array<std::int32_t, runtime::kStates> wanted{};
  wanted[static_cast<std::size_t>(State::kRunning)] = 1;
  server.subscribe(*handler.connection, wanted);
  server.notify(State::kFrozen, "c1");
  EXPECT_EQ(1U, server.connections());
  server.notify(State::kRunning, "c1");
  EXPECT_EQ(0U, server.connections());
  EXPECT_EQ(runtime::kStates, read_reply(client.get()).header.result);
  runtime::StateMessage message{};
  ASSERT_EQ(static_cast<ssize_t>(sizeof message), ::recv(client.get(), &message, sizeof message, MSG_DONTWAIT));
  EXPECT_EQ(static_cast<std::int32_t>(State::kRunning), message.value);
  EXPECT_STREQ("c1", message.name);
  EXPECT_EQ(0, ::recv(client.get(), &message, sizeof message, MSG_DONTWAIT));
}

TEST_F(CommandServerTest, ASlowReaderOfALongReplyBlocksNobody) {
  const Fd slow = connect();
  handler.answer.data.assign(4 << 20, 'r');
  send_bytes(slow.get(), request_bytes(Command::kConsoleLog, 0, std::string(24, '\0')));
  ASSERT_TRUE(run_until(loop, [this] { return handler.seen.size() == 1; }));
  const Fd quick = connect();
  handler.answer = Reply::number(1);
  send_bytes(quick.get(), request_bytes(Command::kGetState));
  ASSERT_TRUE(run_until(loop, [this] { return handler.seen.size() == 2; }));
  EXPECT_EQ(1U, read_reply(quick.get()).value());
  std::size_t received = 0;
  std::string buffer(1 << 20, '\0');
  ASSERT_TRUE(run_until(loop, [&] {
    const ssize_t count = ::recv(slow.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) received += static_cast<std::size_t>(count);
    return received == sizeof(runtime::CommandResponse) + (4 << 20);
  }));
}

TEST_F(CommandServerTest, AnswersLater) {
  const Fd client = connect();
  handler.answer.then = Reply::Then::kLater;
  send_bytes(client.get(), request_bytes(Command::kFreeze, 5));
  ASSERT_TRUE(run_until(loop, [this] { return !handler.seen.empty(); }));
  server.answer(*handler.connection, Reply::error(ETIMEDOUT));
  EXPECT_EQ(0U, server.connections());
  EXPECT_EQ(-ETIMEDOUT, read_reply(client.get()).header.result);
  EXPECT_TRUE(handler.disconnected.empty());
}

TEST_F(CommandServerTest, ASecondServerOfTheSameNameIsRefused) {
  const std::string name = "berth-test/" + std::to_string(::getpid()) + "/command";
  ASSERT_TRUE(server.listen(name));
  CommandServer second(loop, handler);
  const auto refused = second.listen(name);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(EADDRINUSE, refused.error().code());
}

TEST_F(CommandServerTest, ServesRealClientsOfItsSocket) {
  const std::string name = "berth-test/" + std::to_string(::getpid()) + "/command";
  ASSERT_TRUE(server.listen(name));
  const Fd client = std::move(*sys::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_TRUE(sys::connect_abstract(client.get(), name));
  handler.answer = Reply::number(2);
  // Sent before the server has accepted: the kernel attaches the credentials all the same.
  send_bytes(client.get(), request_bytes(Command::kGetState));
  ASSERT_TRUE(run_until(loop, [this] { return !handler.seen.empty(); }));
  EXPECT_EQ(2U, read_reply(client.get()).value());
}

}  // namespace
}  // namespace berth::monitor
