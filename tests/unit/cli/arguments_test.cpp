#include "cli/arguments.hpp"

#include <getopt.h>
#include <gtest/gtest.h>

#include <random>

namespace berth::cli {
namespace {

Status nothing(Common&, std::string_view) { return {}; }

constexpr Option kRows[] = {
    {"flag", 'x', Takes::kNothing, "", "", nothing},         {"flat", 'y', Takes::kNothing, "", "", nothing},
    {"number", 'n', Takes::kValue, "N", "", nothing},        {"name", 0, Takes::kValue, "N", "", nothing},
    {"maybe", 'm', Takes::kOptionalValue, "M", "", nothing}, {"maybe-not", 0, Takes::kOptionalValue, "M", "", nothing},
};

struct Outcome {
  std::vector<std::pair<std::string, std::string>> options;  // name, value
  std::vector<std::string> arguments;
  bool refused = false;
  bool operator==(const Outcome&) const = default;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return argv;
}

Outcome scan(std::vector<std::string> words) {
  std::vector<KnownOption> known;
  for (const Option& row : kRows) known.push_back({&row, row.letter});
  auto argv = pointers(words);
  ArgumentScanner scanner(known, static_cast<int>(words.size()), argv.data());
  Outcome outcome;
  for (;;) {
    const auto given = scanner.next();
    outcome.refused = !given;
    if (!given || !*given) break;
    const Option* row = (*given)->row;
    outcome.options.emplace_back(row == nullptr ? "?" : row->name, (*given)->value);
  }
  if (!outcome.refused) outcome.arguments = scanner.take_arguments();
  return outcome;
}

Outcome scan_by_library(std::vector<std::string> words) {
  std::vector<::option> longs;
  std::string letters = ":";
  for (const Option& row : kRows) {
    const int takes = static_cast<int>(row.takes);  // no_argument, required_argument, optional_argument
    longs.push_back({row.name, takes, nullptr, 256 + static_cast<int>(longs.size())});
    if (row.letter == 0) continue;
    letters += row.letter;
    letters.append(static_cast<std::size_t>(takes), ':');
  }
  longs.push_back({});
  auto argv = pointers(words);
  Outcome outcome;
  ::optind = 0;
  ::opterr = 0;
  for (;;) {
    const int result = ::getopt_long(static_cast<int>(words.size()), argv.data(), letters.c_str(), longs.data(), nullptr);
    if (result == -1) break;
    outcome.refused = result == '?' || result == ':';
    if (outcome.refused) return outcome;
    for (std::size_t i = 0; i < std::size(kRows); ++i) {
      if (result == kRows[i].letter || result == 256 + static_cast<int>(i))
        outcome.options.emplace_back(kRows[i].name, ::optarg == nullptr ? "" : ::optarg);
    }
  }
  outcome.arguments.assign(argv.begin() + ::optind, argv.end() - 1);
  return outcome;
}

TEST(Arguments, AreTakenApartAsTheCLibraryDoes) {
  const std::vector<std::string> vocabulary = {
      "--flag",    "--fla",    "--flat",      "--fl",        "--number", "--number=3", "--num", "--name", "--na=", "--maybe",
      "--may",     "--maybe=", "--maybe-n=q", "--maybe-not", "--nope",   "--flag=1",   "--",    "-",      "-x",    "-xy",
      "-yn",       "-n",       "-n7",         "-xn7",        "-m",       "-mv",        "-xmv",  "-Z",     "-xZ",   "word",
      "two words", "",         "=",           "-n=7"};
  std::mt19937 random(20261122);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::string> words = {"program"};
    for (std::size_t count = random() % 7; count > 0; --count) words.push_back(vocabulary[random() % vocabulary.size()]);
    const Outcome ours = scan(words);
    const Outcome theirs = scan_by_library(words);
    std::string shown;
    for (const std::string& word : words) shown += " '" + word + "'";
    ASSERT_EQ(ours.refused, theirs.refused) << shown;
    ASSERT_EQ(ours.options, theirs.options) << shown;
    ASSERT_EQ(ours.arguments, theirs.arguments) << shown;
  }
}

TEST(Arguments, AsPosixWantsThem) {
  ::setenv("POSIXLY_CORRECT", "1", 1);
  const std::vector<std::string> words = {"program", "-x", "first", "-y", "--", "--nope"};
  const Outcome ours = scan(words);
  const Outcome theirs = scan_by_library(words);
  ::unsetenv("POSIXLY_CORRECT");
  EXPECT_EQ(ours, theirs);
  EXPECT_EQ(ours.arguments, (std::vector<std::string>{"first", "-y", "--", "--nope"}));
}

TEST(Arguments, AQuestionMarkIsAnOption) {
  EXPECT_EQ(scan({"program", "-x?"}).options, (std::vector<std::pair<std::string, std::string>>{{"flag", ""}, {"?", ""}}));
}

}  // namespace
}  // namespace berth::cli
