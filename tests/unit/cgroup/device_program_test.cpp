#include "cgroup/device_program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>

#include "base/strings.hpp"

namespace berth::cgroup {
namespace {

using testing::HasSubstr;

struct Access {
  std::uint32_t type, major, minor, access;  // as the kernel gives them
};

// The few instructions that device programs consist of; anything else, a jump out of the program or backwards fails the test.
class Machine {
 public:
  explicit Machine(const Access& access) : context_{access.access << 16 | access.type, access.major, access.minor} {}

  bool allows(const std::vector<bpf_insn>& program) {
    for (std::size_t at = 0; at < program.size();) {
      const bpf_insn& one = program[at++];
      if (one.code == (BPF_JMP | BPF_EXIT)) return registers_[0] == 1;
      EXPECT_GE(one.off, 0);
      if (BPF_CLASS(one.code) == BPF_LDX) {
        load(one);
      } else if (BPF_CLASS(one.code) == BPF_ALU64) {
        calculate(one);
      } else if (jumps(one)) {
        at += static_cast<std::size_t>(one.off);
      }
    }
    ADD_FAILURE() << "the program has no end";
    return false;
  }

 private:
  void load(const bpf_insn& one) {
    EXPECT_EQ(one.code, BPF_LDX | BPF_MEM | BPF_W);
    EXPECT_EQ(one.src_reg, BPF_REG_1);
    ASSERT_LE(static_cast<std::size_t>(one.off) + 4, sizeof context_);
    std::uint32_t word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&context_) + one.off, sizeof word);
    registers_.at(one.dst_reg) = word;
  }

  void calculate(const bpf_insn& one) {
    const auto constant = static_cast<std::uint64_t>(std::int64_t{one.imm});
    const auto value = BPF_SRC(one.code) == BPF_X ? registers_.at(one.src_reg) : constant;
    auto& target = registers_.at(one.dst_reg);
    switch (BPF_OP(one.code)) {
      case BPF_MOV:
        target = value;
        break;
      case BPF_AND:
        target &= value;
        break;
      case BPF_RSH:
        target >>= value;
        break;
      default:
        ADD_FAILURE() << "unknown operation " << int{one.code};
    }
  }

  bool jumps(const bpf_insn& one) {
    EXPECT_EQ(BPF_CLASS(one.code), BPF_JMP);
    EXPECT_EQ(BPF_SRC(one.code), BPF_K);
    const bool equal = registers_.at(one.dst_reg) == static_cast<std::uint64_t>(std::int64_t{one.imm});
    EXPECT_TRUE(BPF_OP(one.code) == BPF_JEQ || BPF_OP(one.code) == BPF_JNE);
    return BPF_OP(one.code) == BPF_JEQ ? equal : !equal;
  }

  bpf_cgroup_dev_ctx context_;
  std::array<std::uint64_t, 11> registers_{};
};

// What the kernel's documentation of the v1 controller says, for a handful of numbers, without any data structure: an exception
// is known by its text, and each access letter of it is followed through the rules.
class Reference {
 public:
  struct Rule {
    bool allow;
    std::string type, major, minor, access;  // type "a": all
  };
  Reference(bool allow, const std::vector<Rule>& rules) : allow_(allow) {
    for (const auto& rule : rules) {
      if (rule.type == "a") {
        allow_ = rule.allow;
        first_ = &rule + 1;
      }
    }
    if (first_ == nullptr) first_ = rules.data();
    end_ = rules.data() + rules.size();
  }

  [[nodiscard]] bool allows(const Access& wanted) const {
    for (const Rule* rule = first_; rule != end_; ++rule) {
      if (!matches(*rule, wanted)) continue;
      const std::uint32_t exception = standing(*rule);
      if (allow_ ? (wanted.access & exception) != 0 : exception != 0 && (wanted.access & ~exception) == 0) return !allow_;
    }
    return allow_;
  }

 private:
  static bool matches(const Rule& rule, const Access& wanted) {
    const bool type = (rule.type == "b") == (wanted.type == BPF_DEVCG_DEV_BLOCK);
    return type && (rule.major == "*" || rule.major == std::to_string(wanted.major)) &&
           (rule.minor == "*" || rule.minor == std::to_string(wanted.minor));
  }

  // The access letters of the exception for the numbers of `rule` that are left when all rules have been heard.
  [[nodiscard]] std::uint32_t standing(const Rule& like) const {
    std::uint32_t access = 0;
    for (const Rule* rule = first_; rule != end_; ++rule) {
      if (rule->type != like.type || rule->major != like.major || rule->minor != like.minor) continue;
      const auto bits = static_cast<std::uint32_t>((rule->access.find('m') != std::string::npos ? 1 : 0) |
                                                   (rule->access.find('r') != std::string::npos ? 2 : 0) |
                                                   (rule->access.find('w') != std::string::npos ? 4 : 0));
      access = rule->allow != allow_ ? access | bits : access & ~bits;
    }
    return access;
  }

  bool allow_;
  const Rule* first_ = nullptr;
  const Rule* end_ = nullptr;
};

std::string text_of(const Reference::Rule& rule) {
  return rule.type == "a" ? "a" : strings::cat(rule.type, ' ', rule.major, ':', rule.minor, ' ', rule.access);
}

std::vector<bpf_insn> compiled(bool allow, const std::vector<Reference::Rule>& rules) {
  std::vector<DeviceRule> parsed;
  for (const auto& rule : rules) parsed.push_back(parse_device_rule(rule.allow, text_of(rule)).value());
  return compile_device_policy(device_policy(allow, parsed));
}

void expect_same(bool allow, const std::vector<Reference::Rule>& rules) {
  const auto program = compiled(allow, rules);
  const Reference reference(allow, rules);
  std::string shown = allow ? "allowed at first" : "denied at first";
  for (const auto& rule : rules) shown += strings::cat(rule.allow ? "; allow " : "; deny ", text_of(rule));
  for (const std::uint32_t type : {BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR}) {
    for (const std::uint32_t major : {0U, 1U, 2U, 136U, 4095U}) {
      for (const std::uint32_t minor : {0U, 1U, 3U, 5U, 1048575U}) {
        for (std::uint32_t access = 0; access < 8; ++access) {
          const Access wanted{type, major, minor, access};
          const bool verdict = program.empty() || Machine(wanted).allows(program);
          ASSERT_EQ(verdict, reference.allows(wanted))
              << shown << ": type " << type << ' ' << major << ':' << minor << " access " << access;
        }
      }
    }
  }
}

TEST(DeviceProgram, HandWrittenLists) {
  for (const bool allow : {false, true}) {
    expect_same(allow, {});
    expect_same(allow, {{false, "a", "", "", ""}});
    expect_same(allow, {{true, "a", "", "", ""}});
    expect_same(allow, {{false, "a", "", "", ""}, {true, "c", "1", "3", "rwm"}, {true, "b", "*", "*", "m"}});
    expect_same(allow, {{true, "a", "", "", ""}, {false, "c", "1", "5", "w"}, {false, "c", "136", "*", "rwm"}});
    expect_same(allow, {{false, "a", "", "", ""}, {true, "c", "1", "*", "r"}, {true, "c", "1", "3", "w"}});
    expect_same(allow, {{false, "a", "", "", ""}, {true, "c", "1", "3", "rwm"}, {false, "c", "1", "3", "w"}});
    expect_same(allow, {{true, "c", "1", "3", "rwm"}, {false, "a", "", "", ""}, {true, "c", "4095", "1048575", "m"}});
  }
}

TEST(DeviceProgram, RandomLists) {
  std::mt19937 random(7);
  const auto pick = [&](std::initializer_list<const char*> words) { return std::string(words.begin()[random() % words.size()]); };
  for (int round = 0; round < 400; ++round) {
    std::vector<Reference::Rule> rules;
    for (auto left = random() % 9; left > 0; --left) {
      rules.push_back({random() % 2 == 0, pick({"a", "b", "c", "c", "b", "c", "c", "c"}), pick({"*", "1", "136", "4095"}),
                       pick({"*", "3", "5", "1048575"}), pick({"r", "w", "m", "rw", "rwm", "mr", "wm"})});
    }
    expect_same(random() % 2 == 0, rules);
    if (HasFatalFailure()) return;
  }
}

// Spelled out once, so that the reference itself is held to something.
TEST(DeviceProgram, WhatTheRulesMean) {
  const auto program = compiled(true, {{false, "a", "", "", ""}, {true, "c", "1", "3", "rw"}, {true, "c", "136", "*", "rwm"}});
  const auto allows = [&](std::uint32_t type, std::uint32_t major, std::uint32_t minor, std::uint32_t access) {
    return Machine({type, major, minor, access}).allows(program);
  };
  EXPECT_TRUE(allows(BPF_DEVCG_DEV_CHAR, 1, 3, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE));
  EXPECT_FALSE(allows(BPF_DEVCG_DEV_CHAR, 1, 3, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_MKNOD));
  EXPECT_FALSE(allows(BPF_DEVCG_DEV_BLOCK, 1, 3, BPF_DEVCG_ACC_READ));
  EXPECT_FALSE(allows(BPF_DEVCG_DEV_CHAR, 1, 5, BPF_DEVCG_ACC_READ));
  EXPECT_TRUE(allows(BPF_DEVCG_DEV_CHAR, 136, 9, BPF_DEVCG_ACC_MKNOD));
}

TEST(DeviceProgram, OneDeniedAccessDeniesTheWhole) {
  const auto program = compiled(true, {{false, "c", "1", "5", "w"}});
  EXPECT_FALSE(Machine({BPF_DEVCG_DEV_CHAR, 1, 5, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE}).allows(program));
  EXPECT_TRUE(Machine({BPF_DEVCG_DEV_CHAR, 1, 5, BPF_DEVCG_ACC_READ}).allows(program));
}

TEST(DeviceProgram, NoneWhenEverythingIsAllowed) {
  EXPECT_TRUE(compiled(false, {{true, "a", "", "", ""}}).empty());
  EXPECT_TRUE(compiled(true, {{false, "c", "1", "5", "w"}, {true, "c", "1", "5", "rwm"}}).empty());
}

TEST(DeviceProgram, TextHasSixteenDigitsAnInstruction) {
  const auto program = compiled(false, {});
  EXPECT_EQ(program_text(program), "b7000000000000009500000000000000");
}

TEST(DeviceRules, WhatARuleChanges) {
  const auto changed = [](bool allow_all, bool allow, std::string_view rule) {
    const DevicePolicy policy = device_policy(allow_all, {*parse_device_rule(!allow_all, "c 1:5 r")});
    return changed_accesses(policy, *parse_device_rule(allow, rule));
  };
  constexpr std::uint32_t kWriteAndMake = BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
  EXPECT_EQ(changed(false, true, "c 1:5 rwm"), kWriteAndMake);
  EXPECT_EQ(changed(false, true, "c 1:5 r"), 0U);
  EXPECT_EQ(changed(false, true, "c 1:6 wm"), kWriteAndMake);
  EXPECT_EQ(changed(false, false, "c 1:5 rwm"), std::uint32_t{BPF_DEVCG_ACC_READ});
  EXPECT_EQ(changed(true, true, "c 1:5 rwm"), std::uint32_t{BPF_DEVCG_ACC_READ}) << "a denied one";
  EXPECT_EQ(changed(true, true, "c 1:6 rwm"), 0U);
}

TEST(DeviceRules, ARuleAtATimeIsTheSamePolicy) {
  DevicePolicy grown{true, {}};
  std::vector<DeviceRule> rules;
  for (const char* text : {"c 1:5 rwm", "b 7:* r", "c 1:5 rwm", "a", "c 1:3 rw"}) {
    rules.push_back(*parse_device_rule(rules.size() % 2 == 1, text));
    add_rule(grown, rules.back());
    EXPECT_EQ(program_text(compile_device_policy(grown)), program_text(compile_device_policy(device_policy(true, rules))));
  }
}

TEST(DeviceRules, WhatIsNoRule) {
  for (const char* text : {"", "d 1:3 rwm", "c 1:3", "c 1 rwm", "c 1:3:4 rwm", "c 1:3 rwx", "c x:3 rwm", "c -1:3 rwm",
                           "c 4096:0 rwm", "c 1:1048576 rwm", "a 1:3 rwm", "c 1:3 rwm more", "c1:3 rwm", "c : r"}) {
    const auto rule = parse_device_rule(true, text);
    ASSERT_FALSE(rule) << text;
    EXPECT_THAT(rule.error().line(), HasSubstr(text));
    EXPECT_THAT(rule.error().hint(), HasSubstr("c 1:3 rwm"));
  }
}

TEST(DeviceRules, ManyWaysToSayAll) {
  for (const char* text : {"a", " a ", "a *:*", "a *:* rwm"}) {
    const auto rule = parse_device_rule(false, text);
    ASSERT_TRUE(rule) << text;
    EXPECT_TRUE(rule->all);
  }
}

}  // namespace
}  // namespace berth::cgroup
