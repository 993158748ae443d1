#include "monitor/console_log.hpp"

#include <sys/stat.h>

#include "fixtures.hpp"

namespace berth::monitor {
namespace {

using test::contents;

TEST(ConsoleLog, AppendsWithoutALimit) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("log");
  ASSERT_TRUE(ConsoleLog::open(path, 0, false)->write("one\n"));
  ASSERT_TRUE(ConsoleLog::open(path, 0, false)->write("two\n"));
  EXPECT_EQ("one\ntwo\n", contents(path));
  struct stat status{};
  ASSERT_EQ(0, ::stat(path.c_str(), &status));
  EXPECT_EQ(0U, status.st_mode & 07137U) << "mode 0640 less the umask";
}

TEST(ConsoleLog, RotatesAtALineEnd) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("log");
  auto log = ConsoleLog::open(path, 10, true);
  ASSERT_TRUE(log->write("12345\n"));
  ASSERT_TRUE(log->write("ab\ncdefgh\n"));
  EXPECT_EQ("12345\nab\n", contents(path + ".1"));
  EXPECT_EQ("cdefgh\n", contents(path));
}

TEST(ConsoleLog, StartsOverWithoutRotation) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("log");
  auto log = ConsoleLog::open(path, 8, false);
  ASSERT_TRUE(log->write("12345\n"));
  ASSERT_TRUE(log->write("67890\n"));
  EXPECT_EQ("67890\n", contents(path));
  EXPECT_FALSE(sys::exists(path + ".1"));
}

TEST(ConsoleLog, SplitsALineLongerThanTheLimit) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("log");
  auto log = ConsoleLog::open(path, 4, true);
  ASSERT_TRUE(log->write("abcdefghij"));
  EXPECT_EQ("efgh", contents(path + ".1"));
  EXPECT_EQ("ij", contents(path));
}

TEST(ConsoleLog, CountsWhatTheFileHeldBefore) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("log");
  ASSERT_TRUE(ConsoleLog::open(path, 10, true)->write("12345678\n"));
  ASSERT_TRUE(ConsoleLog::open(path, 10, true)->write("next\n"));
  EXPECT_EQ("12345678\n", contents(path + ".1"));
  EXPECT_EQ("next\n", contents(path));
}

TEST(ConsoleLog, NamesTheFileThatCannotBeOpened) {
  const auto log = ConsoleLog::open("/nonexistent/log", 0, false);
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(std::string::npos, log.error().line().find("/nonexistent/log"));
}

}  // namespace
}  // namespace berth::monitor
