#include "monitor/monitord.hpp"

#include <fcntl.h>

#include "fixtures.hpp"

namespace berth::monitor {
namespace {

using runtime::MessageType;
using runtime::StateMessage;

class MonitordTest : public ::testing::Test {
 protected:
  MonitordTest() {
    ::setenv("XDG_RUNTIME_DIR", directory.file("run").c_str(), 1);
    ::sigprocmask(SIG_SETMASK, nullptr, &mask_);
  }
  ~MonitordTest() override { ::sigprocmask(SIG_SETMASK, &mask_, nullptr); }

  // A fifo of the test's own and a listener that nobody else has.
  MonitordEnds make_ends() {
    const std::string fifo = directory.file("fifo");
    EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    MonitordEnds ends;
    ends.fifo = Fd(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ends.listener = std::move(*sys::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_TRUE(sys::bind_abstract(ends.listener.get(), address));
    EXPECT_TRUE(sys::listen(ends.listener.get(), 8));
    ends.fifo_path = fifo;
    writer = Fd(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return ends;
  }
  void begin(int idle_ms = 60'000) {
    daemon = std::make_unique<Monitord>(std::move(*Loop::open()), make_ends(), idle_ms);
    ASSERT_TRUE(daemon->watch());
  }
  Fd connect() {
    Fd client = std::move(*sys::socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_TRUE(sys::connect_abstract(client.get(), address));
    const std::size_t before = daemon->clients();
    daemon->step();
    EXPECT_EQ(daemon->clients(), before + 1);
    return client;
  }
  void write(const StateMessage& message) {
    EXPECT_EQ(::write(writer.get(), &message, sizeof message), static_cast<ssize_t>(sizeof message));
    daemon->step();
  }
  static std::string name_read_by(const Fd& client) {
    StateMessage message{};
    const ssize_t count = ::recv(client.get(), &message, sizeof message, MSG_DONTWAIT);
    return count == static_cast<ssize_t>(sizeof message) ? message.name : count == 0 ? "end" : "nothing";
  }

  test::TemporaryDirectory directory;
  std::string address = directory.file("socket");
  std::unique_ptr<Monitord> daemon;
  Fd writer;
  sigset_t mask_{};
};

TEST_F(MonitordTest, EverybodyHearsEveryMessage) {
  begin();
  const Fd first = connect();
  const Fd second = connect();
  write(runtime::make_message(MessageType::kState, "web1", 2));
  EXPECT_EQ(name_read_by(first), "web1");
  EXPECT_EQ(name_read_by(second), "web1");
}

TEST_F(MonitordTest, NonsenseIsNotHandedOn) {
  begin();
  const Fd client = connect();
  write(runtime::make_message(MessageType::kState, "web1", 99));
  EXPECT_EQ(name_read_by(client), "nothing");
  write(runtime::make_message(MessageType::kState, "web2", 2));
  EXPECT_EQ(name_read_by(client), "web2");
}

TEST_F(MonitordTest, WhoDoesNotReadIsHungUpOnAndTheOthersGoOn) {
  begin();
  const Fd lazy = connect();
  const Fd eager = connect();
  for (int i = 0; i < 5000 && daemon->clients() == 2; ++i) {
    write(runtime::make_message(MessageType::kState, "web1", 2));
    EXPECT_EQ(name_read_by(eager), "web1");
  }
  EXPECT_EQ(daemon->clients(), 1U);
}

TEST_F(MonitordTest, EndsWhenItIsToldTo) {
  begin();
  const Fd client = connect();
  ASSERT_EQ(::send(client.get(), "quit", 4, 0), 4);
  while (!daemon->over()) daemon->step();
  daemon.reset();
  EXPECT_NE(::access(directory.file("fifo").c_str(), F_OK), 0) << "its fifo is gone";
}

TEST_F(MonitordTest, OtherWordsEndTheConnectionOnly) {
  begin();
  const Fd client = connect();
  ASSERT_EQ(::send(client.get(), "quitter", 7, 0), 7);
  while (daemon->clients() > 0) daemon->step();
  EXPECT_FALSE(daemon->over());
}

TEST_F(MonitordTest, EndsWhenNobodyHasListenedForAWhile) {
  begin(30);
  Fd client = connect();
  for (int i = 0; i < 3; ++i) write(runtime::make_message(MessageType::kState, "web1", 2));
  EXPECT_FALSE(daemon->over()) << "somebody listens";
  client.reset();
  while (!daemon->over()) daemon->step();
}

TEST_F(MonitordTest, OneALxcpath) {
  if (::geteuid() != 0) GTEST_SKIP() << "RUNDIR of root";
  const std::string lxcpath = directory.file("lxc");
  auto ends = open_monitord_ends(lxcpath);
  ASSERT_TRUE(ends) << ends.error().line();
  struct stat info{};
  ASSERT_EQ(::stat(ends->fifo_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  const auto second = open_monitord_ends(lxcpath);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), EADDRINUSE);
  std::filesystem::remove_all(std::filesystem::path(ends->fifo_path).parent_path().parent_path());
}

}  // namespace
}  // namespace berth::monitor
