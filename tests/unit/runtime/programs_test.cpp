#include "runtime/programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

using testing::HasSubstr;

// What /proc/self/exe names, whoever runs the test.
std::string running;  // NOLINT: a dispatch has no other way to know

long pretend(long number, long a, long b, long c, long d, long e, long f) {
  if (number != SYS_readlinkat || std::strcmp(reinterpret_cast<const char*>(b), "/proc/self/exe") != 0)
    return sys::raw::kernel(number, a, b, c, d, e, f);
  running.copy(reinterpret_cast<char*>(c), static_cast<std::size_t>(d));
  return static_cast<long>(running.size());
}

class Programs : public testing::Test {
 protected:
  Programs() {
    char name[] = "/tmp/berth-programs-XXXXXX";
    root = ::mkdtemp(name);
    running = root + "/bin/berth";
  }
  ~Programs() override { std::filesystem::remove_all(root); }
  void file(const std::string& path) const {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << "x";
  }

  std::string root;
  sys::raw::ScopedDispatch dispatch{pretend};
};

TEST_F(Programs, BesideTheRunningProgram) {
  file("/bin/no-such-berth");
  file("/libexec/no-such-helper");
  EXPECT_EQ(find_command("no-such-berth").value(), root + "/bin/no-such-berth");
  EXPECT_EQ(find_helper("no-such-helper").value(), root + "/libexec/no-such-helper");
}

TEST_F(Programs, TheRunningProgramMayBeAnother) {
  file("/bin/no-such-berth");
  running = root + "/bin/python3.11";
  EXPECT_EQ(find_command("no-such-berth").value(), root + "/bin/no-such-berth");
}

TEST_F(Programs, AMissingOneIsNamedWithBothPlaces) {
  const auto found = find_command("no-such-berth");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ENOENT);
  EXPECT_THAT(found.error().line(), HasSubstr("no-such-berth is missing"));
  EXPECT_THAT(found.error().because(), HasSubstr("neither bin beside the program's directory nor /"));
}

}  // namespace
}  // namespace berth::runtime
