#include "cli/option.hpp"

#include <gtest/gtest.h>

#include <set>

#include "cli/commands.hpp"
#include "cli/report.hpp"

namespace berth::cli {
namespace {

struct TestOptions : Common {
  bool flag = false;
  std::optional<int> number;
  std::string text, optional_text = "unset";
  std::vector<std::string> many;
  std::vector<std::pair<std::string, std::string>> pairs;
};

constexpr Option kRows[] = {
    {"flag", 'x', Takes::kNothing, "", "a flag", set_flag<&TestOptions::flag>},
    {"number", 'n', Takes::kValue, "N", "a number", set_number<&TestOptions::number>},
    {"text", 't', Takes::kValue, "TEXT", "a text\nin two lines", set_text<&TestOptions::text>},
    {"maybe", 'm', Takes::kOptionalValue, "TEXT", "perhaps a text", set_text<&TestOptions::optional_text>},
    {"many", 0, Takes::kValue, "TEXT", "again and again", add_text<&TestOptions::many>},
    {"define", 's', Takes::kValue, "KEY=VAL", "a pair", add_pair<&TestOptions::pairs>},
    {"rcfile", 'f', Takes::kValue, "FILE", "replaces the common row", set_text<&Common::rcfile>},
};
constexpr Command kTest = {"test", "[OPTION]", "summary", "description", kRows, nullptr};
constexpr Command kNameless = {"test", "[OPTION]", "summary", "description", kRows, nullptr, false, false};

struct Parsed {
  TestOptions options;
  std::optional<int> over;
  std::string error, output;
};

Parsed run(std::vector<std::string> words, const Command& command = kTest) {
  words.insert(words.begin(), "lxc-test");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Parsed parsed;
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  parsed.over = parse(command, parsed.options, static_cast<int>(words.size()), argv.data());
  EXPECT_TRUE(end_output());
  parsed.output = ::testing::internal::GetCapturedStdout();
  parsed.error = ::testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Parse, StoresByRow) {
  const auto parsed = run({"-x", "--number=7", "-t", "hello", "--many", "a", "--many=b", "-s", "lxc.a = b=c", "c1"});
  EXPECT_FALSE(parsed.over) << parsed.error;
  EXPECT_TRUE(parsed.options.flag);
  EXPECT_EQ(parsed.options.number, 7);
  EXPECT_EQ(parsed.options.text, "hello");
  EXPECT_EQ(parsed.options.many, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parsed.options.pairs.front(), (std::pair<std::string, std::string>{"lxc.a", "b=c"}));
  EXPECT_EQ(parsed.options.name, "c1");
}

TEST(Parse, OptionsMayFollowArgumentsAndDashesEndThem) {
  const auto parsed = run({"c1", "first", "-x", "--", "-t", "--text"});
  EXPECT_FALSE(parsed.over);
  EXPECT_TRUE(parsed.options.flag);
  EXPECT_EQ(parsed.options.name, "c1");
  EXPECT_EQ(parsed.options.arguments, (std::vector<std::string>{"first", "-t", "--text"}));
}

TEST(Parse, ANameByOptionLeavesTheArguments) {
  const auto parsed = run({"--name", "c1", "command"});
  EXPECT_EQ(parsed.options.name, "c1");
  EXPECT_EQ(parsed.options.arguments, std::vector<std::string>{"command"});
}

TEST(Parse, LongOptionsMayBeAbbreviated) {
  EXPECT_TRUE(run({"c1", "--fl"}).options.flag);
  const auto ambiguous = run({"c1", "--ma"});
  EXPECT_EQ(ambiguous.over, 1);
  EXPECT_NE(ambiguous.error.find("ambiguous: --maybe, --many"), std::string::npos) << ambiguous.error;
}

TEST(Parse, OptionalValues) {
  EXPECT_EQ(run({"c1"}).options.optional_text, "unset");
  EXPECT_EQ(run({"c1", "--maybe"}).options.optional_text, "");
  EXPECT_EQ(run({"c1", "-mv"}).options.optional_text, "v");
  EXPECT_EQ(run({"c1", "--maybe=v"}).options.optional_text, "v");
}

TEST(Parse, RefusalsNameTheOptionAndTheWayOut) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"c1", "--flga"}, "unrecognized option '--flga'"},
      {{"c1", "--flog"}, "did you mean '--flag'?"},
      {{"c1", "-Z"}, "unrecognized option '-Z'"},
      {{"c1", "-xZ"}, "unrecognized option '-Z'"},
      {{"c1", "-t"}, "option '-t' needs a value"},
      {{"c1", "--text"}, "option '--text' needs a value"},
      {{"c1", "--flag=1"}, "option '--flag' takes no value"},
      {{"c1", "--number=x"}, "--number: 'x' is not a number"},
      {{"c1", "--number="}, "--number: '' is not a number"},
      {{"c1", "-s", "lxc.a"}, "--define: 'lxc.a' is not of the form KEY=VALUE"},
      {{"c1", "-l", "LOUD"}, "'LOUD' is not a log priority"},
      {{}, "No container name specified"},
  };
  for (const auto& [words, text] : cases) {
    const auto parsed = run(words);
    EXPECT_EQ(parsed.over, 1);
    EXPECT_NE(parsed.error.find(text), std::string::npos) << parsed.error;
    EXPECT_TRUE(parsed.error.starts_with("lxc-test: ")) << parsed.error;
  }
}

TEST(Parse, ALetterOfTheCommandHidesTheCommonOne) {
  const auto parsed = run({"-n", "5", "--name", "c1"});
  EXPECT_EQ(parsed.options.number, 5);
  EXPECT_EQ(parsed.options.name, "c1");
}

TEST(Parse, ACommandWithoutNameKeepsItsArguments) {
  const auto parsed = run({"a", "b"}, kNameless);
  EXPECT_FALSE(parsed.over);
  EXPECT_TRUE(parsed.options.name.empty());
  EXPECT_EQ(parsed.options.arguments.size(), 2U);
}

TEST(Parse, HelpUsageVersion) {
  const auto help = run({"-h"});
  EXPECT_EQ(help.over, 0);
  EXPECT_NE(help.error.find("Usage: lxc-test [OPTION]"), std::string::npos);
  EXPECT_EQ(run({"-?"}).over, 1);
  EXPECT_EQ(run({"-x?"}).over, 1);
  EXPECT_EQ(run({"--usage"}).over, 0);
  EXPECT_EQ(run({"--version"}).output, "7.0.0\n");
  EXPECT_EQ(run({"--version"}).over, 0);
}

TEST(Parse, QuietKeepsErrorsToItself) { EXPECT_EQ(run({"-q", "c1", "--nonsense"}).error, ""); }

TEST(Help, EveryRowIsThereAndContinuationLinesAreIndented) {
  const std::string text = help_text(kTest, "lxc-test");
  for (const Option& row : kRows) EXPECT_NE(text.find(std::string("--") + row.name), std::string::npos) << row.name;
  EXPECT_NE(text.find("  -t, --text=TEXT           a text\n                            in two lines\n"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("Load configuration file"), std::string::npos);  // the replaced common row
}

// --- the rows of all commands -----------------------------------------------------------------------------------------------

TEST(Commands, RowsAreCompleteAndDoNotClash) {
  for (const Command* command : commands()) {
    std::set<std::string> names;
    std::set<char> letters;
    for (const Option& row : command->options) {
      EXPECT_TRUE(names.insert(row.name).second) << command->name << " --" << row.name;
      if (row.letter != 0) {
        EXPECT_TRUE(letters.insert(row.letter).second) << command->name << " -" << row.letter;
      }
      EXPECT_NE(*row.help, '\0') << command->name << " --" << row.name;
      EXPECT_EQ(row.takes == Takes::kNothing, *row.value == '\0') << command->name << " --" << row.name;
      EXPECT_NE(row.store, nullptr);
    }
    EXPECT_NE(command->run, nullptr);
    EXPECT_EQ(find_command(command->name), command);
  }
}

// reference/lxc-tools.md: options of each tool without the common ones.
TEST(Commands, HaveLxcsOptions) {
  const std::pair<const char*, std::vector<const char*>> expected[] = {
      {"attach",
       {"elevated-privileges", "arch", "namespaces", "remount-sys-proc", "clear-env", "keep-env", "keep-var", "set-var",
        "pty-log", "rcfile", "uid", "gid", "context"}},
      {"console", {"tty", "escape"}},
      {"create",
       {"template", "config", "bdev", "dir", "lvname", "vgname", "thinpool", "fstype", "fssize", "zfsroot", "rbdname", "rbdpool",
        "rbduser"}},
      {"destroy", {"force", "snapshots"}},
      {"execute", {"daemon", "rcfile", "define", "uid", "gid", "share-net", "share-ipc", "share-uts", "share-pid"}},
      {"freeze", {}},
      {"info", {"config", "ips", "pid", "stats", "no-humanize", "state"}},
      {"ls",
       {"line", "fancy", "fancy-format", "active", "running", "frozen", "stopped", "defined", "nesting", "groups", "filter"}},
      {"start",
       {"daemon", "foreground", "pidfile", "rcfile", "console", "console-log", "close-all-fds", "define", "share-net",
        "share-ipc", "share-uts", "share-pid"}},
      {"stop", {"reboot", "nowait", "timeout", "kill", "nokill", "nolock"}},
      {"unfreeze", {}},
      {"wait", {"state", "timeout"}},
  };
  for (const auto& [name, options] : expected) {
    const Command* command = find_command(name);
    ASSERT_NE(command, nullptr) << name;
    for (const char* option : options) {
      const bool found = std::any_of(command->options.begin(), command->options.end(),
                                     [&](const Option& row) { return std::string_view(row.name) == option; });
      EXPECT_TRUE(found) << name << " --" << option;
    }
  }
}

}  // namespace
}  // namespace berth::cli
