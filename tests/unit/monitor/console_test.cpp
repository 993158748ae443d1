#include "monitor/console.hpp"

#include <pty.h>

#include "fixtures.hpp"

namespace berth::monitor {
namespace {

using test::run_until;

struct Pty {
  Fd master, slave;
};

Pty open_pty() {
  int master = -1;
  int slave = -1;
  EXPECT_EQ(0, ::openpty(&master, &slave, nullptr, nullptr, nullptr));
  return {Fd(master), Fd(slave)};
}

std::string read_now(int fd) {
  ::fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
  char buffer[4096];
  const ssize_t count = ::read(fd, buffer, sizeof buffer);
  return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
}

class ConsoleTest : public ::testing::Test {
 protected:
  ConsoleTest() : loop(std::move(*Loop::open())), console(loop) {}
  void print(const std::string& text) {
    ASSERT_EQ(static_cast<ssize_t>(text.size()), ::write(inside.slave.get(), text.data(), text.size()));
  }
  void boot() {
    inside = open_pty();
    ASSERT_TRUE(console.set_master(std::move(inside.master)));
  }

  Loop loop;
  Console console;
  Pty inside;
};

TEST_F(ConsoleTest, KeepsAndLogsWhatIsPrintedThoughNobodyListens) {
  const test::TemporaryDirectory directory;
  console.keep_history(4096);
  ASSERT_TRUE(console.log_to(directory.file("log"), 0, false));
  boot();
  print("hello\n");
  ASSERT_TRUE(run_until(loop, [this] { return console.history().used() == 7; }));
  EXPECT_EQ("hello\r\n", console.history().read());
  EXPECT_EQ("hello\r\n", test::contents(directory.file("log")));
}

TEST_F(ConsoleTest, AFloodDoesNotBlockTheContainer) {
  boot();
  const std::string flood(1 << 20, 'x');
  ::fcntl(inside.slave.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  std::size_t written = 0;
  ASSERT_TRUE(run_until(loop, [&] {
    const ssize_t count = ::write(inside.slave.get(), flood.data() + written, flood.size() - written);
    if (count > 0) written += static_cast<std::size_t>(count);
    return written == flood.size();
  }));
}

TEST_F(ConsoleTest, SurvivesAHangup) {
  console.keep_history(4096);
  boot();
  print("before\n");
  ASSERT_TRUE(run_until(loop, [this] { return console.history().used() > 0; }));
  char name[64];
  ASSERT_EQ(0, ::ttyname_r(inside.slave.get(), name, sizeof name));
  inside.slave.reset();  // nobody in the container has it open any more
  ASSERT_FALSE(run_until(loop, [] { return false; }));
  inside.slave = Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  print("after\n");
  ASSERT_TRUE(run_until(loop, [this] { return console.history().read().ends_with("after\r\n"); }));
}

TEST_F(ConsoleTest, PassesTheTerminalThroughInRawModeAndRestoresIt) {
  Pty terminal = open_pty();
  termios before{};
  ASSERT_EQ(0, ::tcgetattr(terminal.slave.get(), &before));
  winsize size{.ws_row = 40, .ws_col = 132, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(0, ::ioctl(terminal.master.get(), TIOCSWINSZ, &size));
  ASSERT_TRUE(console.attach_terminal(Fd(::dup(terminal.slave.get()))));
  boot();
  winsize inner{};
  ASSERT_EQ(0, ::ioctl(inside.slave.get(), TIOCGWINSZ, &inner));
  EXPECT_EQ(132, inner.ws_col);
  termios during{};
  ASSERT_EQ(0, ::tcgetattr(terminal.slave.get(), &during));
  EXPECT_EQ(0U, during.c_lflag & (ICANON | ECHO | ISIG));
  print("prompt");
  std::string shown;
  ASSERT_TRUE(run_until(loop, [&] { return (shown += read_now(terminal.master.get())) == "prompt"; }));
  ASSERT_EQ(3, ::write(terminal.master.get(), "ls\n", 3));
  std::string typed;
  ASSERT_TRUE(run_until(loop, [&] { return (typed += read_now(inside.slave.get())) == "ls\n"; }));
  console.close();
  termios after{};
  ASSERT_EQ(0, ::tcgetattr(terminal.slave.get(), &after));
  EXPECT_EQ(before.c_lflag, after.c_lflag);
}

TEST_F(ConsoleTest, ASlowTerminalLosesNothing) {
  Pty terminal = open_pty();
  ASSERT_TRUE(console.attach_terminal(Fd(::dup(terminal.slave.get()))));
  boot();
  std::string sent;
  for (int i = 0; i < 20000; ++i) sent += std::to_string(i) + " ";
  ::fcntl(inside.slave.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  std::size_t written = 0;
  std::string received;
  int rounds = 0;
  ASSERT_TRUE(run_until(loop, [&] {
    const ssize_t count = ::write(inside.slave.get(), sent.data() + written, sent.size() - written);
    if (count > 0) written += static_cast<std::size_t>(count);
    if (++rounds % 2 == 0) received += read_now(terminal.master.get());  // slower than the writer
    return received.size() == sent.size();
  }));
  EXPECT_TRUE(sent == received);
}

TEST_F(ConsoleTest, LeasesEachTtyToOneClient) {
  boot();
  Pty one = open_pty();
  Pty two = open_pty();
  std::vector<Fd> masters;
  masters.push_back(std::move(one.master));
  masters.push_back(std::move(two.master));
  console.add_ttys(std::move(masters));
  const int alice = 0;
  const int bob = 0;
  EXPECT_EQ(2, console.lease(2, &alice)->number);
  EXPECT_EQ(EBUSY, console.lease(2, &bob).error().code());
  EXPECT_EQ(1, console.lease(-1, &bob)->number);
  EXPECT_EQ(EBUSY, console.lease(-1, &bob).error().code());
  EXPECT_EQ(ENODEV, console.lease(3, &bob).error().code());
  console.release(&alice);
  EXPECT_EQ(2, console.lease(-1, &bob)->number);
}

TEST_F(ConsoleTest, LeasesTheConsoleThroughAPtyOfItsOwn) {
  boot();
  const int client = 0;
  const auto lease = console.lease(0, &client);
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(EBUSY, console.lease(0, this).error().code());
  const Fd master(::dup(lease->fd));
  print("login: ");
  std::string shown;
  ASSERT_TRUE(run_until(loop, [&] { return (shown += read_now(master.get())) == "login: "; }));
  ASSERT_EQ(5, ::write(master.get(), "root\n", 5));
  std::string typed;
  ASSERT_TRUE(run_until(loop, [&] { return (typed += read_now(inside.slave.get())) == "root\n"; }));
  console.release(&client);
  EXPECT_TRUE(console.lease(0, this).has_value());
}

TEST_F(ConsoleTest, ReadsTheLastWordsBeforeAReboot) {
  console.keep_history(4096);
  boot();
  print("last words\n");
  console.detach_container();
  EXPECT_EQ("last words\r\n", console.history().read());
  boot();
  print("second life\n");
  ASSERT_TRUE(run_until(loop, [this] { return console.history().read().ends_with("second life\r\n"); }));
}

}  // namespace
}  // namespace berth::monitor
