#include "runtime/inspect.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::runtime {
namespace {

// A process with namespaces of its own, ended by the destructor.
class Stranger {
 public:
  explicit Stranger(int flags) {
    int ready[2];
    if (::pipe(ready) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      const char ok = ::unshare(flags) == 0 ? 1 : 0;
      ::prctl(PR_SET_DUMPABLE, 1);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // whatever becomes of the test
      if (::write(ready[1], &ok, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char ok = 0;
    made_ = ::read(ready[0], &ok, 1) == 1 && ok == 1;
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  ~Stranger() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool made_ = false;
};

Result<std::vector<os::Link>> links_of(pid_t pid) { return TRY(NetworkVisitor::create()).links_of(pid); }

bool sees_only_loopback(pid_t pid) {
  const auto links = links_of(pid);
  return links && links->size() == 1 && links->front().name == "lo" && shown_addresses(*links, AF_INET).empty();
}

TEST(Links, OwnNamespace) {
  const auto links = links_of(::getpid());
  ASSERT_TRUE(links) << links.error().line();
  EXPECT_FALSE(links->empty());
}

TEST(Links, AnotherNamespaceAndBack) {
  const std::size_t own = links_of(::getpid())->size();
  const Stranger stranger(CLONE_NEWUSER | CLONE_NEWNET);
  if (!stranger.made()) GTEST_SKIP() << "no user namespaces here";
  EXPECT_TRUE(sees_only_loopback(stranger.pid()));
  // This thread is where it was: it still sees what it saw before.
  EXPECT_EQ(links_of(::getpid())->size(), own);
}

TEST(Links, AnOrdinaryUserGoesThroughTheUserNamespace) {
  if (::geteuid() != 0) GTEST_SKIP() << "becomes an ordinary user, which root only can";
  const pid_t user = ::fork();
  if (user == 0) {
    constexpr uid_t kNobody = 65534;
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(3);
    ::prctl(PR_SET_DUMPABLE, 1);
    int status = 77;
    {
      const Stranger stranger(CLONE_NEWUSER | CLONE_NEWNET);
      if (stranger.made()) status = sees_only_loopback(stranger.pid()) ? 0 : 1;
    }
    ::_exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(user, &status, 0), user);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespaces for ordinary users here";
  EXPECT_EQ(status, 0);
}

TEST(Links, ShownAddresses) {
  const std::vector<os::Link> links = {
      {.index = 1, .name = "lo", .up = true, .loopback = true, .addresses = {{AF_INET, "127.0.0.1", 8, 254}}},
      {.index = 2,
       .name = "eth0",
       .up = true,
       .loopback = false,
       .addresses = {{AF_INET, "10.0.3.7", 24, 0}, {AF_INET6, "fd00::1", 64, 0}, {AF_INET6, "fe80::1", 64, 253}}}};
  EXPECT_EQ(shown_addresses(links, AF_INET), std::vector<std::string>{"10.0.3.7"});
  EXPECT_EQ(shown_addresses(links, AF_INET6), std::vector<std::string>{"fd00::1"});
}

}  // namespace
}  // namespace berth::runtime
