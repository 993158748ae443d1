#include "base/log.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <regex>

#include "base/fd.hpp"

namespace berth::log {
namespace {

class Log : public ::testing::Test {
 protected:
  void SetUp() override { file_ = Fd(::memfd_create("log", MFD_CLOEXEC)); }
  void TearDown() override { set_sink({}); }
  [[nodiscard]] std::string text() const {
    char buffer[4096];
    const ssize_t size = ::pread(file_.get(), buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  Fd file_;
};

TEST_F(Log, LineHasLxcsLayout) {
  set_sink({file_.get(), Level::kTrace, "lxc-start", "web1"});
  write(Level::kInfo, "start", "hello");
  // PREFIX NAME date-and-time in UTC with milliseconds, level padded to eight, category - text
  EXPECT_TRUE(std::regex_match(text(), std::regex("lxc-start web1 20[0-9]{12}\\.[0-9]{3} INFO     start - hello\n"))) << text();
}

TEST_F(Log, BelowTheThresholdNothingIsWritten) {
  set_sink({file_.get(), Level::kWarn, "p", "n"});
  debug("x", "quiet");
  write(Level::kNotice, "x", "quiet");
  EXPECT_EQ(text(), "");
  write(Level::kWarn, "x", "loud");
  EXPECT_NE(text().find("WARN     x - loud"), std::string::npos);
}

TEST_F(Log, WithoutAFileNothingIsEnabled) {
  set_sink({-1, Level::kTrace, "", ""});
  EXPECT_FALSE(enabled(Level::kFatal));
}

TEST(LogLevel, NamesAndNumbers) {
  EXPECT_EQ(parse_level("DEBUG"), Level::kDebug);
  EXPECT_EQ(parse_level("debug"), Level::kDebug);
  EXPECT_EQ(parse_level("0"), Level::kTrace);
  EXPECT_EQ(parse_level("8"), Level::kFatal);
  for (const std::string_view bad : {"9", "-1", "", "LOUD", "WARNING"}) EXPECT_EQ(parse_level(bad), std::nullopt) << bad;
  EXPECT_EQ(level_name(Level::kCrit), "CRIT");
}

}  // namespace
}  // namespace berth::log
