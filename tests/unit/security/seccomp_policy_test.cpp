#include "security/seccomp_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::security {
namespace {

using testing::HasSubstr;

Policy parsed(std::string_view text) {
  auto policy = parse_policy(text, "p");
  if (!policy) throw std::runtime_error(policy.error().line());
  return std::move(*policy);
}

// One rule of a denylist.
Rule rule_of(const std::string& line) {
  const Policy policy = parsed("2\ndenylist\n" + line + "\n");
  if (policy.rules.size() != 1) throw std::runtime_error("not one rule");
  return policy.rules.front();
}

Condition condition_of(const std::string& text) {
  const Rule rule = rule_of("mknod errno 1 " + text);
  if (rule.conditions.size() != 1) throw std::runtime_error("not one condition");
  return rule.conditions.front();
}

TEST(SeccompPolicy, Version1IsAListOfNumbers) {
  const Policy policy = parsed("1\nallowlist\n0\n59 # execve\n\n# all\n231");
  EXPECT_EQ(policy.version, 1);
  EXPECT_EQ(policy.otherwise, (Action{Verdict::kKillThread, 0}));
  ASSERT_EQ(policy.rules.size(), 3U);
  EXPECT_EQ(policy.rules[1].number, 59);
  EXPECT_EQ(policy.rules[1].action, (Action{Verdict::kAllow, 0}));
  EXPECT_EQ(policy.rules[2].line, 7U);
  EXPECT_EQ(parsed("1\nwhitelist\n5\n").rules.size(), 1U);
}

TEST(SeccompPolicy, TheKindGivesBothDefaults) {
  EXPECT_EQ(parsed("2\nallowlist\nread\n").otherwise, (Action{Verdict::kKillThread, 0}));
  EXPECT_EQ(parsed("2\nallowlist\nread\n").rules[0].action, (Action{Verdict::kAllow, 0}));
  EXPECT_EQ(parsed("2\ndenylist\nmknod\n").otherwise, (Action{Verdict::kAllow, 0}));
  EXPECT_EQ(parsed("2\ndenylist\nmknod\n").rules[0].action, (Action{Verdict::kKillThread, 0}));
  EXPECT_EQ(parsed("2\nblacklist").otherwise, (Action{Verdict::kAllow, 0}));
  EXPECT_EQ(parsed("2\nwhitelist errno 38\nread\n").otherwise, (Action{Verdict::kErrno, 38}));
  EXPECT_EQ(parsed(" 2 # version\n  allowlist trap # default\nread\n").otherwise, (Action{Verdict::kTrap, 0}));
}

TEST(SeccompPolicy, EveryAction) {
  const struct {
    const char* words;
    Action action;
  } kCases[] = {
      {"kill", {Verdict::kKillThread, 0}},
      {"kill_thread", {Verdict::kKillThread, 0}},
      {"kill_process", {Verdict::kKillProcess, 0}},
      {"errno 0", {Verdict::kErrno, 0}},
      {"errno 4095", {Verdict::kErrno, 4095}},
      {"errno 010", {Verdict::kErrno, 10}},
      {"trap", {Verdict::kTrap, 0}},
      {"log", {Verdict::kLog, 0}},
      {"notify", {Verdict::kNotify, 0}},
  };
  for (const auto& one : kCases) EXPECT_EQ(rule_of(std::string("mknod ") + one.words).action, one.action) << one.words;
  EXPECT_EQ(parsed("2\nallowlist errno 1\nread allow\n").rules[0].action, (Action{Verdict::kAllow, 0}));
}

TEST(SeccompPolicy, EveryOperatorInBothSpellings) {
  const struct {
    const char *sign, *word;
    Comparison comparison;
  } kCases[] = {{"!=", "SCMP_CMP_NE", Comparison::kNotEqual},       {"<", "SCMP_CMP_LT", Comparison::kLess},
                {"<=", "SCMP_CMP_LE", Comparison::kLessOrEqual},    {"==", "SCMP_CMP_EQ", Comparison::kEqual},
                {">=", "SCMP_CMP_GE", Comparison::kGreaterOrEqual}, {">", "SCMP_CMP_GT", Comparison::kGreater}};
  for (const auto& one : kCases) {
    EXPECT_EQ(condition_of(std::string("[1,2,") + one.sign + "]").comparison, one.comparison) << one.sign;
    EXPECT_EQ(condition_of(std::string("[1,2,") + one.word + "]").comparison, one.comparison) << one.word;
  }
  for (const char* text : {"[1,0x2000,&=,61440]", "[1,8192,SCMP_CMP_MASKED_EQ,0xf000]", "[ 1 , 020000 , &= , 0170000 ]"}) {
    const Condition condition = condition_of(text);
    EXPECT_EQ(condition.index, 1U) << text;
    EXPECT_EQ(condition.comparison, Comparison::kMaskedEqual) << text;
    EXPECT_EQ(condition.value, 0x2000U) << text;
    EXPECT_EQ(condition.mask, 0xf000U) << text;
  }
  EXPECT_EQ(condition_of("[5,18446744073709551615,==]").value, UINT64_MAX);
}

TEST(SeccompPolicy, ConditionsOfARuleStandBesideEachOther) {
  for (const char* text : {"[0,1,>=][1,2,<]", "[0,1,>=],[1,2,<]", "[0,1,>=] [1,2,<]", "[0,1,>=] , [1,2,<] # both"}) {
    const Rule rule = rule_of(std::string("mknod errno 5 ") + text);
    ASSERT_EQ(rule.conditions.size(), 2U) << text;
    EXPECT_EQ(rule.conditions[1].index, 1U) << text;
  }
  EXPECT_EQ(rule_of("mknod [0,1,==]").action, (Action{Verdict::kKillThread, 0})) << "the kind's action";
}

TEST(SeccompPolicy, SectionsOfOtherMachinesAreLeftOut) {
  const Policy policy =
      parsed("2\ndenylist\nmknod errno 1\n[ppc64]\nread errno 2\n[s390x]\nwrite errno 3\n[ALL]\nopen errno 4\n");
  ASSERT_EQ(policy.rules.size(), 2U);
  EXPECT_EQ(policy.rules[1].name, "open");
#if defined(__x86_64__)
  EXPECT_EQ(parsed("2\ndenylist\n [x86] # old\nopen errno 1\n[X86_64]\nread errno 1\n[x32]\nwrite errno 1\n").rules.size(), 3U);
#endif
}

TEST(SeccompPolicy, ForcedUnmountsAreARuleOfUmount2) {
  const Rule rule = rule_of("reject_force_umount  # comment");
  EXPECT_EQ(rule.name, "umount2");
  EXPECT_EQ(rule.action, (Action{Verdict::kErrno, 13}));
  ASSERT_EQ(rule.conditions.size(), 1U);
  EXPECT_EQ(rule.conditions[0].index, 1U);
  EXPECT_EQ(rule.conditions[0].mask, 1U);
}

TEST(SeccompPolicy, LinesOfDosAndAMissingLastEndAreFine) {
  EXPECT_EQ(parsed("2\r\ndenylist\r\nmknod errno 5\r\n\r\n").rules.size(), 1U);
  EXPECT_EQ(parsed("2\ndenylist\nmknod errno 5").rules.size(), 1U);
}

TEST(SeccompPolicy, AProblemSaysWhereWhatWasExpectedAndWhatWasFound) {
  const struct {
    const char *text, *problem;
  } kCases[] = {
      {"", "p:1:1: expected a policy version, 1 or 2, found an empty file"},
      {"3\ndenylist\n", "p:1:1: expected a policy version, 1 or 2, found \"3\""},
      {"# x\n2\ndenylist\n", "p:1:1: expected a policy version"},
      {"2 x\ndenylist\n", "p:1:3: expected nothing after the version, found \"x\""},
      {"2", "p:2:1: expected allowlist or denylist, found the end of the file"},
      {"2\n", "p:2:1: expected allowlist or denylist, found the end of"},
      {"2\n  denylists\n", "p:2:3: expected allowlist or denylist, found \"denylists\""},
      {"1\ndenylist\n", "p:2:1: expected allowlist, the only kind of version 1, found \"denylist\""},
      {"1\nallowlist errno 1\n", "p:2:11: expected nothing after allowlist in version 1"},
      {"1\nallowlist\nread\n", "p:3:1: expected the number of a system call, found \"read\""},
      {"1\nallowlist\n-1\n", "p:3:1: expected the number of a system call, found \"-1\""},
      {"1\nallowlist\n1 2\n", "p:3:3: expected nothing after the number, found \"2\""},
      {"2\ndenylist debug\n", "p:2:10: expected kill, kill_process, errno N, trap, log, notify or allow, found \"debug\""},
      {"2\ndenylist errno 5 x\n", "p:2:18: expected nothing after the default action, found \"x\""},
      {"2\ndenylist\nmknod foo\n", "p:3:7: expected kill, kill_process, errno N, trap, log, notify or allow, found \"foo\""},
      {"2\ndenylist\nmknod errno\n", "p:3:12: expected the number of an error, 0 to 4095, found the end of the line"},
      {"2\ndenylist\nmknod errno EPERM\n", "p:3:13: expected the number of an error, 0 to 4095, found \"EPERM\""},
      {"2\ndenylist\nmknod errno 0x10\n", "found \"0x10\""},
      {"2\ndenylist\nmknod errno 4096\n", "found \"4096\""},
      {"2\ndenylist\nmknod errno -1\n", "found \"-1\""},
      {"2\ndenylist\nmknod errno 5 6\n", "p:3:15: expected [INDEX,VALUE,OPERATOR] or the end of the rule, found \"6\""},
      {"2\ndenylist\nmknod errno 5 [6,1,==]\n", "p:3:16: expected the index of an argument, 0 to 5, found \"6\""},
      {"2\ndenylist\nmknod errno 5 [0,-1,==]\n", "p:3:18: expected a number of up to 64 bits, decimal or with 0x, found \"-1\""},
      {"2\ndenylist\nmknod errno 5 [0,09,==]\n", "found \"09\""},
      {"2\ndenylist\nmknod errno 5 [0,1]\n", "p:3:19: expected \",\" in [INDEX,VALUE,OPERATOR], found \"]\""},
      {"2\ndenylist\nmknod errno 5 [0,1,~]\n", "p:3:20: expected one of == != < <= >= > &="},
      {"2\ndenylist\nmknod errno 5 [0,1,&=]\n", "p:3:22: expected \",\""},
      {"2\ndenylist\nmknod errno 5 [0,1,&=,]\n", "p:3:23: expected a number of up to 64 bits"},
      {"2\ndenylist\nmknod errno 5 [0,1,==\n", "p:3:22: expected ], found the end of the line"},
      {"2\ndenylist\nmknod errno 5 [0,1,>][0,2,<]\n", "p:3:23: expected one condition for an argument in a rule, found \"0\""},
      {"2\ndenylist\nmknod errno 5 [0,1,>] x\n", "p:3:23: expected [INDEX,VALUE,OPERATOR] or the end of the rule, found \"x\""},
      {"2\ndenylist\nmknod allow\n", "p:3:1: expected another action than the policy's default, found \"allow\""},
      {"2\ndenylist\nreject_force_umount errno 5\n", "p:3:21: expected nothing after reject_force_umount, found \"errno\""},
      {"2\ndenylist\n[vax]\n", "p:3:2: expected all or the name of an architecture, found \"vax\""},
      {"2\ndenylist\n[x86\n", "p:3:5: expected ], found the end of the line"},
      {"2\ndenylist\n[x86] x\n", "p:3:7: expected nothing after the section, found \"x\""},
      // What no machine here runs is checked all the same.
      {"2\ndenylist\n[s390]\nmknod foo\n", "p:4:7: expected kill"},
  };
  for (const auto& one : kCases) {
    const auto policy = parse_policy(one.text, "p");
    ASSERT_FALSE(policy) << one.text;
    EXPECT_THAT(policy.error().line(), HasSubstr(one.problem)) << one.text;
  }
}

TEST(SeccompPolicy, SlipsOfThePenGetAHint) {
  EXPECT_THAT(parse_policy("2\ndenylist\nmknod ernno 1\n", "p").error().hint(), HasSubstr("did you mean errno?"));
  EXPECT_THAT(parse_policy("2\ndenylist\n[x86-64]\n", "p").error().hint(), HasSubstr("[x86_64]"));
  EXPECT_THAT(parse_policy("2\nallowlist debug\n", "p").error().hint(), HasSubstr("debug is not known to LXC either"));
}

TEST(SeccompPolicy, ACheckFindsAllProblems) {
  const auto problems = check_policy("2\ndenylist foo\nmknod\nread errno x\n[vax]\nwrite errno 1\nopen [9,1,==]\n", "p");
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_THAT(problems[0].line(), HasSubstr("p:2:10:"));
  EXPECT_THAT(problems[3].line(), HasSubstr("p:7:7:"));
  EXPECT_TRUE(check_policy("2\ndenylist\nmknod\n", "p").empty());
}

TEST(SeccompPolicy, AControlCharacterIsShownAsSuch) {
  EXPECT_THAT(parse_policy("2\ndenylist\nmknod \x1b[2J\n", "p").error().line(), Not(HasSubstr("\x1b")));
}

TEST(SeccompPolicy, TheListenersWayOutMustBeOpen) {
  EXPECT_FALSE(uses_notify(parsed("2\ndenylist\nmknod errno 1\n")));
  const Policy usual = parsed("2\ndenylist\nmknod notify\n");
  EXPECT_TRUE(uses_notify(usual));
  EXPECT_TRUE(can_hand_over_listener(usual));
  EXPECT_FALSE(can_hand_over_listener(parsed("2\ndenylist\nsendmsg notify [0,1,==]\n")));
  EXPECT_FALSE(can_hand_over_listener(parsed("2\nallowlist notify\nread\n")));
  EXPECT_TRUE(can_hand_over_listener(parsed("2\nallowlist notify\nread\nsendmsg\n")));
  EXPECT_FALSE(can_hand_over_listener(parsed("2\nallowlist notify\nread\nsendmsg allow [0,1,==]\n")));
  EXPECT_FALSE(can_hand_over_listener(parsed("2\nallowlist\nread\nmknod notify\n"))) << "killed by the default";
  EXPECT_FALSE(can_hand_over_listener(parsed("2\nallowlist errno 1\nread\nmknod notify\n")));
  EXPECT_TRUE(can_hand_over_listener(parsed("2\nallowlist\nsendmsg\nmknod notify\n")));
  EXPECT_FALSE(can_hand_over_listener(parsed("2\ndenylist\nmknod notify\nsendmsg errno 1\n")));
  EXPECT_FALSE(can_hand_over_listener(parsed("2\ndenylist\nmknod notify\nsendmsg kill\n")));
  EXPECT_TRUE(can_hand_over_listener(parsed("2\ndenylist\nmknod notify\nsendmsg errno 1 [2,9,==]\n")));
}

TEST(SeccompPolicy, WordsForAPerson) {
  EXPECT_EQ(describe(parsed("2\ndenylist\nmknod\n")), "system calls: allow, but for 1 rule");
  EXPECT_EQ(describe(parsed("2\nallowlist errno 38\nread\nwrite\n")), "system calls: errno 38, but for 2 rules");
}

}  // namespace
}  // namespace berth::security
