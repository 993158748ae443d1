#include "monitor/seccomp_proxy.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstddef>
#include <optional>

#include "fixtures.hpp"

namespace berth::monitor {
namespace {

// A process whose getppid(2) is notified. It needs no privilege: no_new_privs is set.
class Notified {
 public:
  Notified() {
    auto [ours, theirs] = std::move(*sys::socket_pair(SOCK_SEQPACKET));
    pid_ = ::fork();
    if (pid_ == 0) become(theirs.get());
    std::byte buffer[1];
    auto received = sys::receive(ours.get(), buffer);
    if (received && !received->descriptors.empty()) listener = std::move(received->descriptors.front());
  }
  ~Notified() {
    if (!ended_) ::kill(pid_, SIGKILL);
    if (!ended_) ::waitpid(pid_, nullptr, 0);
  }
  // What the call returned in it, once it has ended: 0 or an errno.
  bool ended() {
    if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
  }
  [[nodiscard]] int result() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  Fd listener;

 private:
  [[noreturn]] static void become(int channel) {
    for (int fd = 3; fd < 100; ++fd) {
      if (fd != channel) ::close(fd);  // the proxy's ends are not its own
    }
    sock_filter code[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                          {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
                          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
                          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    const sock_fprog program{4, code};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int fd = static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    const std::byte carrier{0};
    if (fd < 0 || !sys::send(channel, std::span(&carrier, 1), std::span(&fd, 1))) ::_exit(200);
    ::close(fd);
    const long answer = ::syscall(SYS_getppid);
    ::_exit(answer < 0 ? errno : 0);
  }

  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

// Plays the proxy on the other end.
class SeccompProxyTest : public ::testing::Test {
 protected:
  SeccompProxyTest() : loop(std::move(*Loop::open())) {
    plan.plan.settings.config_items = {"lxc.seccomp.notify.proxy", "unix:" + directory.file("proxy"), "lxc.seccomp.notify.cookie",
                                       "yummy"};
    container.init_pid = 4711;
    listen();
  }

  void listen() {
    ::unlink(directory.file("proxy").c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    directory.file("proxy").copy(address.sun_path, sizeof address.sun_path - 1);
    server = std::move(*sys::socket(AF_UNIX, SOCK_SEQPACKET, 0));
    ASSERT_EQ(0, ::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    ASSERT_TRUE(sys::listen(server.get(), 5));
  }
  SeccompProxy& proxy() {
    if (!proxy_) proxy_.emplace(plan.blob(), loop, container);
    return *proxy_;
  }
  void accept() {
    ASSERT_TRUE(test::run_until(loop, [this] {
      pollfd waiting{server.get(), POLLIN, 0};
      return ::poll(&waiting, 1, 0) == 1;
    }));
    connection = std::move(*sys::accept(server.get()));
  }
  // The next message of the monitor; empty when none comes.
  std::string message() {
    std::string text(4096, '\0');
    std::size_t size = 0;
    test::run_until(loop, [&] {
      auto received = sys::receive(connection.get(), std::as_writable_bytes(std::span(text)), MSG_DONTWAIT);
      if (!received) return false;
      size = received->bytes;
      descriptors = std::move(received->descriptors);
      return true;
    });
    text.resize(size);
    return text;
  }
  // The message with an answer in the place of the response.
  static std::string answered(std::string text, std::int32_t error, std::uint32_t flags) {
    seccomp_notif_resp response{};
    std::memcpy(&response.id, text.data() + 32, sizeof response.id);
    response.error = error;
    response.flags = flags;
    std::memcpy(text.data() + 32 + sizeof(seccomp_notif), &response, sizeof response);
    return text;
  }
  void say(const std::string& text) { ASSERT_TRUE(sys::send(connection.get(), std::as_bytes(std::span(text)))); }
  bool until_ended(Notified& process) {
    return test::run_until(loop, [&] { return process.ended(); });
  }

  test::TemporaryDirectory directory;
  test::EncodedPlan plan;
  Loop loop;
  Container container;
  Fd server, connection;
  std::vector<Fd> descriptors;
  std::optional<SeccompProxy> proxy_;
};

TEST_F(SeccompProxyTest, ACallGoesToTheProxyAndItsAnswerBack) {
  Notified process;
  ASSERT_TRUE(process.listener);
  ASSERT_TRUE(proxy().start(std::move(process.listener)));
  EXPECT_TRUE(proxy().receives());
  accept();
  const std::string text = message();
  ASSERT_EQ(32 + sizeof(seccomp_notif) + sizeof(seccomp_notif_resp) + 5, text.size());
  EXPECT_EQ("yummy", text.substr(text.size() - 5));
  std::int32_t pids[2];
  std::memcpy(pids, text.data() + 8, sizeof pids);
  EXPECT_EQ(::getpid(), pids[0]);
  EXPECT_EQ(4711, pids[1]);
  seccomp_notif notification{};
  std::memcpy(&notification, text.data() + 32, sizeof notification);
  EXPECT_EQ(SYS_getppid, notification.data.nr);
  EXPECT_EQ(static_cast<std::uint32_t>(process.pid()), notification.pid);
  EXPECT_EQ(3U, descriptors.size()) << "the process, its memory, the listener";
  say(answered(text, -EXDEV, 0));
  ASSERT_TRUE(until_ended(process));
  EXPECT_EQ(EXDEV, process.result());
}

TEST_F(SeccompProxyTest, ACallMayGoOn) {
  Notified process;
  ASSERT_TRUE(proxy().start(std::move(process.listener)));
  accept();
  say(answered(message(), 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  ASSERT_TRUE(until_ended(process));
  EXPECT_EQ(0, process.result());
}

TEST_F(SeccompProxyTest, AnswersMayComeInAnyOrder) {
  Notified first, second;
  ASSERT_TRUE(proxy().start(std::move(first.listener)));
  accept();
  const std::string one = message();
  ASSERT_TRUE(proxy().add(std::move(second.listener)));
  const std::string other = message();
  say(answered(other, -EXDEV, 0));
  ASSERT_TRUE(until_ended(second));
  EXPECT_FALSE(first.ended());
  say(answered(one, -EFBIG, 0));
  ASSERT_TRUE(until_ended(first));
  EXPECT_EQ(EXDEV, second.result());
  EXPECT_EQ(EFBIG, first.result());
}

TEST_F(SeccompProxyTest, AProxyThatGoesLeavesENOSYSAndMayComeBack) {
  Notified first, second, third;
  ASSERT_TRUE(proxy().start(std::move(first.listener)));
  accept();
  ASSERT_FALSE(message().empty());
  connection.reset();
  server.reset();
  ASSERT_TRUE(until_ended(first));
  EXPECT_EQ(ENOSYS, first.result());
  ASSERT_TRUE(proxy().add(std::move(second.listener)));
  ASSERT_TRUE(until_ended(second));
  EXPECT_EQ(ENOSYS, second.result());
  listen();
  ASSERT_TRUE(proxy().add(std::move(third.listener)));
  accept();
  say(answered(message(), -EXDEV, 0));
  ASSERT_TRUE(until_ended(third));
  EXPECT_EQ(EXDEV, third.result());
}

TEST_F(SeccompProxyTest, RubbishIsNoAnswer) {
  Notified process;
  ASSERT_TRUE(proxy().start(std::move(process.listener)));
  accept();
  ASSERT_FALSE(message().empty());
  say("what?");
  ASSERT_TRUE(until_ended(process));
  EXPECT_EQ(ENOSYS, process.result());
}

TEST_F(SeccompProxyTest, AnAnswerToACallOfTheDeadIsForgotten) {
  Notified first, second;
  ASSERT_TRUE(proxy().start(std::move(first.listener)));
  accept();
  const std::string text = message();
  ::kill(first.pid(), SIGKILL);
  ASSERT_TRUE(until_ended(first));
  say(answered(text, -EXDEV, 0));
  ASSERT_TRUE(proxy().add(std::move(second.listener)));
  say(answered(message(), -EFBIG, 0));
  ASSERT_TRUE(until_ended(second));
  EXPECT_EQ(EFBIG, second.result());
}

TEST_F(SeccompProxyTest, AStartWithoutItsProxyFails) {
  server.reset();
  Notified process;
  const auto started = proxy().start(std::move(process.listener));
  ASSERT_FALSE(started);
  EXPECT_EQ(ECONNREFUSED, started.error().code());
}

TEST_F(SeccompProxyTest, WithoutAProxyTheListenerWaitsForWhoeverAsks) {
  plan.plan.settings.config_items.clear();
  Notified process, entered;
  ASSERT_TRUE(proxy().start(std::move(process.listener)));
  EXPECT_GE(proxy().listener(), 0);
  EXPECT_FALSE(proxy().receives());
  ASSERT_TRUE(proxy().add(std::move(entered.listener)));
  ASSERT_TRUE(until_ended(entered));
  EXPECT_EQ(ENOSYS, entered.result());
  EXPECT_FALSE(process.ended());
  proxy().stop();
  EXPECT_LT(proxy().listener(), 0);
}

}  // namespace
}  // namespace berth::monitor
