// Small vocabularies: command lines, capabilities, signals, the global file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/signal_names.hpp"
#include "config/capability_names.hpp"
#include "config/command_line.hpp"
#include "config/global.hpp"
#include "config/global_text.hpp"

namespace berth::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(CommandLine, SplitsLikeAShell) {
  EXPECT_THAT(*split_command_line("/bin/sh -c 'echo \"a  b\"' x\\ y"), ElementsAre("/bin/sh", "-c", "echo \"a  b\"", "x y"));
  EXPECT_THAT(*split_command_line("a'b'\"c\"d"), ElementsAre("abcd"));
  EXPECT_THAT(*split_command_line("'' \"\""), ElementsAre("", ""));
  EXPECT_THAT(*split_command_line("\"a\\\"b\\\\c\\d\" '\\'"), ElementsAre("a\"b\\c\\d", "\\"));
  EXPECT_THAT(*split_command_line("  a\t\tb  "), ElementsAre("a", "b"));
  EXPECT_THAT(*split_command_line(""), IsEmpty());
}

TEST(CommandLine, RefusesWhatIsNotClosed) {
  EXPECT_EQ(split_command_line("a 'b").error().line(), "the quote ' at character 3 is not closed");
  EXPECT_EQ(split_command_line("a \"b\\\"").error().line(), "the quote \" at character 3 is not closed");
  EXPECT_EQ(split_command_line("a\\").error().line(), "the backslash at the end escapes nothing");
}

TEST(Capabilities, NamesAndNumbers) {
  EXPECT_EQ(capability_number("chown"), 0U);
  EXPECT_EQ(capability_number("sys_admin"), 21U);
  EXPECT_EQ(capability_number("audit_read"), 37U);
  EXPECT_EQ(capability_number("checkpoint_restore"), 40U);
  EXPECT_EQ(capability_number("21"), 21U);
  EXPECT_EQ(capability_number("63"), 63U);
  EXPECT_FALSE(capability_number("64"));
  EXPECT_FALSE(capability_number("SYS_ADMIN"));
  EXPECT_FALSE(capability_number("cap_sys_admin"));
  EXPECT_FALSE(capability_number(""));
  EXPECT_EQ(capability_name(33), "mac_admin");
  EXPECT_EQ(capability_name(41), "");
  for (unsigned i = 0; i < kCapabilityNames.size(); ++i) EXPECT_EQ(capability_number(capability_name(i)), i);
}

TEST(Signals, NamesAndNumbers) {
  EXPECT_EQ(signals::number_of("SIGTERM"), SIGTERM);
  EXPECT_EQ(signals::number_of("sigPwr"), SIGPWR);
  EXPECT_EQ(signals::number_of("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(signals::number_of("SIGRTMAX-2"), SIGRTMAX - 2);
  EXPECT_EQ(signals::number_of("SIGRTMIN"), SIGRTMIN);
  EXPECT_EQ(signals::number_of("9"), 9);
  EXPECT_EQ(signals::number_of("0"), 0);
  for (const std::string_view text :
       {"TERM", "SIGFOO", "SIG", "", "-1", "SIGRTMIN+31", "SIGRTMAX-31", "SIGRTMIN-1", "SIGRTMIN+", "65", "9x"}) {
    EXPECT_FALSE(signals::number_of(text)) << text;
  }
}

TEST(Signals, EveryNumberHasAWayBack) {
  for (int number = 1; number <= SIGRTMAX; ++number) {
    if (number >= 32 && number < SIGRTMIN) continue;
    EXPECT_EQ(signals::number_of(signals::name_of(number)), number);
  }
  EXPECT_EQ(signals::name_of(33), "signal 33");  // the C library's own
  EXPECT_EQ(signals::name_of(SIGRTMIN + 3), "SIGRTMIN+3");
  EXPECT_EQ(signals::name_of(SIGABRT), "SIGABRT");
}

TEST(Global, ReadsKnownKeys) {
  EXPECT_THAT(
      parse_global("# c\nlxc.lxcpath = /srv/lxc//\nlxc.bdev.lvm.vg=vg0\nlxc.nope = 1\nfoo = 1\nlxc.cgroup.use = @all\n"
                   "lxc.bdev.zfs.root =\nlxc.bdev.lvm.vg = vg1\n"),
      UnorderedElementsAre(Pair("lxc.lxcpath", "/srv/lxc"), Pair("lxc.bdev.lvm.vg", "vg1"), Pair("lxc.cgroup.use", "@all")));
  EXPECT_THAT(parse_global("lxc.lxcpath = /"), ElementsAre(Pair("lxc.lxcpath", "/")));
}

TEST(Global, NamesItsKeys) {
  EXPECT_EQ(global_keys().size(), 9U);
  EXPECT_EQ(global_item("lxc.lxcpaht").error().hint(), "did you mean \"lxc.lxcpath\"?");
  EXPECT_FALSE(global_item_is_set("lxc.nope"));
  for (const std::string_view key : global_keys()) EXPECT_TRUE(global_item(key)) << key;
}

}  // namespace
}  // namespace berth::config
