// What is shown of long work, at which moment and in which width.
#include <gtest/gtest.h>
#include <signal.h>

#include "cli/progress.hpp"
#include "cli/progress_text.hpp"

namespace berth::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;

TEST(ShortBytes, NeverMoreThanThreeDigitsBeforeThePoint) {
  EXPECT_EQ(short_bytes(0), "0 B");
  EXPECT_EQ(short_bytes(999), "999 B");
  EXPECT_EQ(short_bytes(1000), "1.0 KiB");
  EXPECT_EQ(short_bytes(1536), "1.5 KiB");
  EXPECT_EQ(short_bytes(150 * 1024), "150 KiB");
  EXPECT_EQ(short_bytes(1023 * 1024), "1.0 MiB");
  EXPECT_EQ(short_bytes(UINT64_MAX), "16.0 EiB");
}

TEST(Bar, ShowsEverythingWhereThereIsRoom) {
  const ProgressState state{"copying", 200 * kMiB, 50 * kMiB, 12, 10s};
  EXPECT_EQ(progress_bar(state, 110),
            "copying  [==========>                             ]  25 %  50.0 MiB of 200 MiB  0:30 left  5.0 MiB/s  12 files");
  EXPECT_EQ(progress_bar(state, 80), "copying  [==>       ]  25 %  50.0 MiB of 200 MiB  0:30 left  5.0 MiB/s  12 files");
}

TEST(Bar, NeverWiderThanTheTerminal) {
  const ProgressState state{"copying the root file system of b\xC3\xA4r", 200 * kMiB, 50 * kMiB, 12'345, 10s};
  for (std::size_t width = 0; width < 150; ++width) {
    const std::string bar = progress_bar(state, width);
    std::size_t columns = 0;
    for (const char c : bar) columns += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    EXPECT_LE(columns, width) << bar;
  }
  EXPECT_NE(progress_bar(state, 20).find("25 %"), std::string::npos) << "the share is what goes last";
}

TEST(Bar, WithoutAnExpectationThereIsNoShareAndNoTime) {
  EXPECT_EQ(progress_bar({"copying", 0, 50 * kMiB, 1, 10s}, 120), "copying  50.0 MiB  5.0 MiB/s  1 file");
}

TEST(Bar, MoreThanExpectedIsNotMoreThanAll) {
  const std::string bar = progress_bar({"copying", kMiB, 5 * kMiB, 0, 1s}, 100);
  EXPECT_NE(bar.find("100 %"), std::string::npos) << bar;
  EXPECT_NE(bar.find("0:00 left"), std::string::npos) << bar;
}

TEST(Bar, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(progress_bar({"a\x1b[2Jb", 0, 0, 0, {}}, 80).find('\x1b'), std::string::npos);
}

TEST(ProgressText, ABarIsDrawnTenTimesASecondAndErased) {
  ProgressText text(ProgressForm::kBar, "");
  EXPECT_EQ(text.begin("copying", 10, 0ms, 60).substr(0, 8), "\rcopying");
  EXPECT_EQ(text.advance(1, 1, 99ms, 60), "");
  EXPECT_NE(text.advance(1, 1, 100ms, 60).find("20 %"), std::string::npos);
  EXPECT_EQ(text.advance(1, 1, 199ms, 60), "");
  EXPECT_EQ(text.end(250ms), "\r\x1b[K");
  EXPECT_EQ(text.end(300ms), "");
  EXPECT_EQ(text.advance(1, 1, 1000ms, 60), "");
}

TEST(ProgressText, PlainLinesAreFew) {
  ProgressText text(ProgressForm::kPlain, "p: ");
  EXPECT_EQ(text.begin("copying", 0, 0ms, 0), "");
  EXPECT_EQ(text.advance(1, 1, 900ms, 0), "");
  EXPECT_EQ(text.advance(1, 1, 1s, 0), "p: copying\n");
  EXPECT_EQ(text.advance(1, 1, 10s, 0), "");
  EXPECT_EQ(text.advance(kMiB, 1, 11s, 0), "p: copying: 1.0 MiB, 93.1 KiB/s, 4 files\n");
  EXPECT_EQ(text.begin("writing", 0, 16s, 0), "p: copying: 1.0 MiB, 64.0 KiB/s, 4 files, ended after 0:16\n");
  EXPECT_EQ(text.end(16500ms), "") << "nothing of what took no time";
}

TEST(ProgressText, JsonIsOneObjectALine) {
  ProgressText text(ProgressForm::kJson, "p: ");
  EXPECT_EQ(text.begin("copying \"a\"", 4000, 0ms, 0),
            "{\"event\": \"begin\", \"part\": \"copying \\\"a\\\"\", \"bytes\": 0, \"bytes_expected\": 4000, \"files\": 0, "
            "\"elapsed_ms\": 0, \"bytes_per_second\": null, \"seconds_left\": null}\n");
  EXPECT_EQ(text.advance(500, 1, 999ms, 0), "");
  EXPECT_EQ(text.advance(500, 1, 1000ms, 0),
            "{\"event\": \"progress\", \"part\": \"copying \\\"a\\\"\", \"bytes\": 1000, \"bytes_expected\": 4000, \"files\": 2, "
            "\"elapsed_ms\": 1000, \"bytes_per_second\": 1000, \"seconds_left\": 3}\n");
  EXPECT_NE(text.end(1100ms).find("\"event\": \"end\""), std::string::npos);
}

TEST(ProgressText, NoneSaysNothing) {
  ProgressText text(ProgressForm::kNone, "p: ");
  EXPECT_EQ(text.begin("copying", 0, 0ms, 80) + text.advance(1, 1, 60s, 80) + text.end(61s), "");
}

TEST(ProgressChoice, Words) {
  EXPECT_EQ(*parse_progress("json"), ProgressChoice::kJson);
  EXPECT_FALSE(parse_progress("sometimes"));
}

TEST(Interruption, TheFirstSignalIsAWish) {
  Common options;
  options.quiet = true;
  {
    const ProgressDisplay display(options, ProgressChoice::kAuto);
    EXPECT_FALSE(display.cancelled());
    ::raise(SIGTERM);
    EXPECT_TRUE(display.cancelled());
  }
  EXPECT_TRUE(interrupted());
}

TEST(InterruptionDeathTest, TheSecondOneEndsTheProcess) {
  EXPECT_EXIT(
      {
        const Interruption interruption;
        ::raise(SIGINT);
        ::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace berth::cli
