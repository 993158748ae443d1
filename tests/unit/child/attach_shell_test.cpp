#include "child/attach_shell.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>

namespace berth::child {
namespace {

std::optional<std::string> shell_of(const std::string& passwd, std::uint64_t uid) {
  const int fd = ::memfd_create("passwd", 0);
  EXPECT_EQ(::write(fd, passwd.data(), passwd.size()), static_cast<ssize_t>(passwd.size()));
  ::lseek(fd, 0, SEEK_SET);
  Text<kShellMax> shell;
  const bool found = find_shell(fd, uid, shell);
  ::close(fd);
  return found ? std::optional<std::string>(shell.c_str()) : std::nullopt;
}

TEST(FindShell, TakesTheLineOfTheUser) {
  const std::string passwd = "root:x:0:0:root:/root:/bin/bash\nbob:x:1000:1000:Bob,,,:/home/bob:/bin/zsh\n";
  EXPECT_EQ(shell_of(passwd, 0), "/bin/bash");
  EXPECT_EQ(shell_of(passwd, 1000), "/bin/zsh");
  EXPECT_EQ(shell_of(passwd, 100), std::nullopt);
}

TEST(FindShell, NeedsNoLineEndAtTheEnd) { EXPECT_EQ(shell_of("a:x:7:7::/:/bin/sh", 7), "/bin/sh"); }

TEST(FindShell, IgnoresLinesThatAreNone) {
  EXPECT_EQ(shell_of("# comment\n\n:::\na:x:7\na:x:7:7::/:\na:x:7:7::/:relative\n", 7), std::nullopt);
  EXPECT_EQ(shell_of("a:x::7::/:/bin/a\n", 0), std::nullopt);
  EXPECT_EQ(shell_of("a:x:7x:7::/:/bin/a\n", 7), std::nullopt);
  EXPECT_EQ(shell_of("a:x:7:7::/:/bin/a:more\n", 7), std::nullopt);
  EXPECT_EQ(shell_of("a:x:18446744073709551623:7::/:/bin/a\n", 7), std::nullopt);
}

TEST(FindShell, SurvivesLongLines) {
  const std::string comment(100000, 'c');
  EXPECT_EQ(shell_of("a:x:1:1:" + comment + ":/:/bin/a\nb:x:2:2::/:/bin/b\n", 2), "/bin/b");
  EXPECT_EQ(shell_of("a:x:1:1:" + comment + ":/:/bin/a\n", 1), "/bin/a");
}

}  // namespace
}  // namespace berth::child
