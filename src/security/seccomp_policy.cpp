// Runs in: host commands, and berth-seccomp.
#include "security/seccomp_policy.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.hpp"

namespace berth::security {
namespace {

constexpr unsigned kMostArguments = 6;
constexpr unsigned kMostErrno = 4095;  // MAX_ERRNO of the kernel
constexpr int kMostNumber = 0x3fffffff;
constexpr std::string_view kActions = "kill, kill_process, errno N, trap, log, notify or allow";
constexpr std::string_view kOperators = "one of == != < <= >= > &= (or SCMP_CMP_EQ, _NE, _LT, _LE, _GE, _GT, _MASKED_EQ)";
constexpr std::string_view kStyles = "allowlist or denylist";

struct ActionWord {
  std::string_view word;
  Verdict verdict;
};
constexpr auto kActionWords = std::to_array<ActionWord>({
    ActionWord{"kill", Verdict::kKillThread},
    ActionWord{"kill_thread", Verdict::kKillThread},
    ActionWord{"kill_process", Verdict::kKillProcess},
    ActionWord{"errno", Verdict::kErrno},
    ActionWord{"trap", Verdict::kTrap},
    ActionWord{"log", Verdict::kLog},
    ActionWord{"notify", Verdict::kNotify},
    ActionWord{"allow", Verdict::kAllow},
});

struct OperatorWord {
  std::string_view sign, word;
  Comparison comparison;
};
constexpr auto kOperatorWords = std::to_array<OperatorWord>({
    OperatorWord{"!=", "SCMP_CMP_NE", Comparison::kNotEqual},
    OperatorWord{"<", "SCMP_CMP_LT", Comparison::kLess},
    OperatorWord{"<=", "SCMP_CMP_LE", Comparison::kLessOrEqual},
    OperatorWord{"==", "SCMP_CMP_EQ", Comparison::kEqual},
    OperatorWord{">=", "SCMP_CMP_GE", Comparison::kGreaterOrEqual},
    OperatorWord{">", "SCMP_CMP_GT", Comparison::kGreater},
    OperatorWord{"&=", "SCMP_CMP_MASKED_EQ", Comparison::kMaskedEqual},
});

// Architectures that one kernel runs together.
enum class Family : std::uint8_t { kAll, kX86, kArm, kPpc, kPpcLittle, kMips, kMipsLittle, kS390, kRiscv, kLoongarch };

struct SectionWord {
  std::string_view word;
  Family family;
};
constexpr auto kSections = std::to_array<SectionWord>({
    SectionWord{"all", Family::kAll},
    SectionWord{"x86", Family::kX86},
    SectionWord{"x86_64", Family::kX86},
    SectionWord{"x32", Family::kX86},
    SectionWord{"arm", Family::kArm},
    SectionWord{"arm64", Family::kArm},
    SectionWord{"ppc", Family::kPpc},
    SectionWord{"ppc64", Family::kPpc},
    SectionWord{"ppc64le", Family::kPpcLittle},
    SectionWord{"mips", Family::kMips},
    SectionWord{"mips64", Family::kMips},
    SectionWord{"mips64n32", Family::kMips},
    SectionWord{"mipsel", Family::kMipsLittle},
    SectionWord{"mipsel64", Family::kMipsLittle},
    SectionWord{"mipsel64n32", Family::kMipsLittle},
    SectionWord{"s390", Family::kS390},
    SectionWord{"s390x", Family::kS390},
    SectionWord{"riscv64", Family::kRiscv},
    SectionWord{"loongarch64", Family::kLoongarch},
});

#if defined(__x86_64__) || defined(__i386__)
constexpr Family kHost = Family::kX86;
#elif defined(__aarch64__) || defined(__arm__)
constexpr Family kHost = Family::kArm;
#elif defined(__powerpc__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
constexpr Family kHost = Family::kPpc;
#elif defined(__powerpc__)
constexpr Family kHost = Family::kPpcLittle;
#elif defined(__mips__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
constexpr Family kHost = Family::kMips;
#elif defined(__mips__)
constexpr Family kHost = Family::kMipsLittle;
#elif defined(__s390__)
constexpr Family kHost = Family::kS390;
#elif defined(__riscv)
constexpr Family kHost = Family::kRiscv;
#else
constexpr Family kHost = Family::kLoongarch;
#endif

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Decimal, 0x hexadecimal, or octal with a leading 0, as strtoull reads it.
std::optional<std::uint64_t> parse_value(std::string_view word) {
  if (word.starts_with("0x") || word.starts_with("0X")) return strings::parse_number<std::uint64_t>(word.substr(2), 16);
  if (word.size() > 1 && word.front() == '0') return strings::parse_number<std::uint64_t>(word.substr(1), 8);
  return strings::parse_number<std::uint64_t>(word);
}

bool is_blank(char c) { return strings::kBlanks.find(c) != std::string_view::npos; }

// A word of a line, and where it begins.
struct Word {
  std::string_view text;
  std::size_t at = 0;
};

// A line without its comment, read from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_(strings::trim_right(line.substr(0, line.find('#')))) {}

  bool ended() {
    while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
    return at_ == line_.size();
  }
  [[nodiscard]] char next() const { return at_ < line_.size() ? line_[at_] : '\0'; }
  [[nodiscard]] std::size_t at() const { return at_; }
  void skip() { ++at_; }

  // Up to a blank or one of `ends`; empty at the end of the line.
  Word word(std::string_view ends = {}) {
    if (ended()) return {{}, line_.size()};
    const std::size_t begin = at_;
    while (at_ < line_.size() && !is_blank(line_[at_]) && ends.find(line_[at_]) == ends.npos) ++at_;
    return {line_.substr(begin, at_ - begin), begin};
  }

 private:
  std::string_view line_;
  std::size_t at_ = 0;
};

std::string found(std::string_view text) {
  return text.empty() ? std::string("the end of the line") : strings::cat("\"", strings::printable(text.substr(0, 80)), "\"");
}

class Parser {
 public:
  Parser(std::string_view file, bool all) : file_(file), all_(all) {}

  void parse(std::string_view text) {
    if (text.empty()) return complain(1, 0, "expected a policy version, 1 or 2, found an empty file");
    for (const std::string_view line : strings::split(text, '\n')) {
      if (!problems_.empty() && !all_) return;
      ++line_;
      if (line_ == 1)
        header(line);
      else if (line_ == 2)
        style(line);
      else if (readable_)
        body(line);
    }
    if (line_ < 2 || (line_ == 2 && text.ends_with('\n') && !styled_ && problems_.empty()))
      complain(2, 0, strings::cat("expected ", kStyles, ", found the end of the file"));
  }

  Policy policy;
  std::vector<Error>& problems() { return problems_; }

 private:
  void complain(unsigned line, std::size_t at, std::string_view what, std::string_view hint = {}) {
    Error error = Error::message(strings::cat(file_, ":", line, ":", at + 1, ": ", what));
    if (!hint.empty()) error = std::move(error).hint(hint);
    problems_.push_back(std::move(error));
  }
  void expected(const Word& word, std::string_view what, std::string_view hint = {}) {
    complain(line_, word.at, strings::cat("expected ", what, ", found ", found(word.text)), hint);
  }
  // Nothing may follow.
  void end(Cursor& cursor, std::string_view what) {
    if (!cursor.ended()) expected(cursor.word(), what);
  }

  void header(std::string_view line) {
    Cursor cursor(line);
    const Word word = cursor.word();
    readable_ = word.text == "1" || word.text == "2";
    if (!readable_) return expected(word, "a policy version, 1 or 2", "the first line of a policy file is its version");
    policy.version = word.text == "1" ? 1 : 2;
    end(cursor, "nothing after the version");
  }

  void style(std::string_view line) {
    Cursor cursor(line);
    const Word word = cursor.word();
    const bool allow = word.text == "allowlist" || word.text == "whitelist";
    const bool deny = word.text == "denylist" || word.text == "blacklist";
    styled_ = true;
    if (!allow && !deny) {
      readable_ = false;
      return expected(word, kStyles, "the second line of a policy file says which of the two it is");
    }
    if (policy.version == 1 && deny)
      return expected(word, "allowlist, the only kind of version 1", "write the policy as version 2");
    policy.otherwise = allow ? Action{Verdict::kKillThread, 0} : Action{Verdict::kAllow, 0};
    rule_default_ = allow ? Action{Verdict::kAllow, 0} : Action{Verdict::kKillThread, 0};
    if (policy.version == 1) return end(cursor, "nothing after allowlist in version 1");
    if (cursor.ended()) return;
    if (const auto chosen = action(cursor)) policy.otherwise = *chosen;
    end(cursor, "nothing after the default action");
  }

  void body(std::string_view line) {
    Cursor cursor(line);
    if (cursor.ended()) return;
    if (policy.version == 1) return numbered(cursor);
    if (cursor.next() == '[') return section(cursor);
    rule(cursor);
  }

  void numbered(Cursor& cursor) {
    const Word word = cursor.word();
    const auto number = strings::parse_number<int>(word.text);
    if (!number || *number < 0 || *number > kMostNumber) return expected(word, "the number of a system call");
    end(cursor, "nothing after the number");
    Rule& added = policy.rules.emplace_back();
    added.number = *number;
    added.line = line_;
  }

  void section(Cursor& cursor) {
    const std::size_t begin = cursor.at();
    cursor.skip();
    Word word = cursor.word("]");
    const std::string wanted = lower_case(word.text);
    const auto* row =
        std::find_if(kSections.begin(), kSections.end(), [&](const SectionWord& one) { return one.word == wanted; });
    applies_ = row != kSections.end() && (row->family == Family::kAll || row->family == kHost);
    if (row == kSections.end()) {
      std::vector<std::string_view> names;
      for (const SectionWord& one : kSections) names.push_back(one.word);
      const auto near = strings::nearest(wanted, names);
      return expected({word.text, begin + 1}, "all or the name of an architecture",
                      near ? strings::cat("did you mean [", *near, "]?") : std::string("[all] or [x86_64], for example"));
    }
    if (cursor.ended() || cursor.next() != ']') return expected(cursor.word(), "]");
    cursor.skip();
    end(cursor, "nothing after the section");
  }

  void rule(Cursor& cursor) {
    const Word name = cursor.word();
    Rule made{std::string(name.text), -1, rule_default_, {}, line_};
    const std::size_t before = problems_.size();
    if (name.text == "reject_force_umount") {
      reject_force_umount(made);
      end(cursor, "nothing after reject_force_umount");
    } else {
      details(cursor, made, name);
    }
    if (problems_.size() == before && applies_) policy.rules.push_back(std::move(made));
  }

  // umount2(2) with MNT_FORCE takes a file system from everybody who has it mounted, outside of the container too.
  static void reject_force_umount(Rule& made) {
    constexpr std::uint64_t kForce = 1;  // MNT_FORCE
    made.name = "umount2";
    made.action = {Verdict::kErrno, 13 /* EACCES */};
    made.conditions.push_back({1, Comparison::kMaskedEqual, kForce, kForce});
  }

  void details(Cursor& cursor, Rule& made, const Word& name) {
    if (!cursor.ended() && cursor.next() != '[') {
      const auto chosen = action(cursor);
      if (!chosen) return;
      made.action = *chosen;
    }
    while (!cursor.ended()) {
      if (cursor.next() == ',') cursor.skip();
      if (cursor.ended() || cursor.next() != '[') return expected(cursor.word(), "[INDEX,VALUE,OPERATOR] or the end of the rule");
      if (!condition(cursor, made)) return;
    }
    if (made.action == policy.otherwise) {
      complain(line_, name.at,
               strings::cat("expected another action than the policy's default, found \"", action_words(made.action), "\""),
               "remove the rule: it would change nothing");
    }
  }

  std::optional<Action> action(Cursor& cursor) {
    const Word word = cursor.word("[");
    if (word.text == "debug") {
      expected(word, kActions, "debug is not known to LXC either: remove the word");
      return std::nullopt;
    }
    for (const ActionWord& row : kActionWords) {
      if (row.word != word.text) continue;
      if (row.verdict != Verdict::kErrno) return Action{row.verdict, 0};
      return errno_action(cursor);
    }
    std::vector<std::string_view> words;
    for (const ActionWord& row : kActionWords) words.push_back(row.word);
    const auto near = strings::nearest(word.text, words);
    expected(word, kActions, near ? strings::cat("did you mean ", *near, "?") : std::string());
    return std::nullopt;
  }

  std::optional<Action> errno_action(Cursor& cursor) {
    const Word word = cursor.word("[");
    const auto code = strings::parse_number<std::uint16_t>(word.text);
    if (code && *code <= kMostErrno) return Action{Verdict::kErrno, *code};
    expected(word, strings::cat("the number of an error, 0 to ", kMostErrno));
    return std::nullopt;
  }

  // One part of a condition, which ends at a comma or the bracket; the blanks around it count for nothing.
  Word part(Cursor& cursor) {
    const Word word = cursor.word(",]");
    cursor.ended();
    return word;
  }
  bool comma(Cursor& cursor) {
    if (cursor.next() == ',') {
      cursor.skip();
      return true;
    }
    const std::size_t at = cursor.at();
    expected({cursor.word().text, at}, "\",\" in [INDEX,VALUE,OPERATOR]");
    return false;
  }

  bool condition(Cursor& cursor, Rule& made) {
    Condition one;
    cursor.skip();
    const Word index = part(cursor);
    const auto number = strings::parse_number<unsigned>(index.text);
    if (!number || *number >= kMostArguments) return expected(index, "the index of an argument, 0 to 5"), false;
    one.index = *number;
    if (!comma(cursor) || !value(cursor, one.value) || !comma(cursor) || !comparison(cursor, one)) return false;
    for (const Condition& other : made.conditions) {
      if (other.index != one.index) continue;
      return expected(index, "one condition for an argument in a rule", "write two rules: a call is caught when either holds"),
             false;
    }
    if (cursor.next() != ']') return expected(cursor.word(), "]"), false;
    cursor.skip();
    made.conditions.push_back(one);
    return true;
  }

  bool value(Cursor& cursor, std::uint64_t& to) {
    const Word word = part(cursor);
    const auto number = parse_value(word.text);
    if (!number) return expected(word, "a number of up to 64 bits, decimal or with 0x"), false;
    to = *number;
    return true;
  }

  bool comparison(Cursor& cursor, Condition& one) {
    const Word word = part(cursor);
    const auto* row = std::find_if(kOperatorWords.begin(), kOperatorWords.end(),
                                   [&](const OperatorWord& each) { return each.sign == word.text || each.word == word.text; });
    if (row == kOperatorWords.end()) return expected(word, kOperators), false;
    one.comparison = row->comparison;
    if (one.comparison == Comparison::kMaskedEqual) return comma(cursor) && value(cursor, one.mask);
    // LXC reads a mask behind any operator, and uses it for this one only.
    std::uint64_t ignored = 0;
    return cursor.next() != ',' || (comma(cursor) && value(cursor, ignored));
  }

  std::string_view file_;
  bool all_;
  bool readable_ = true;  // version and style are known: rules can be read
  bool styled_ = false;
  bool applies_ = true;  // the section is of this host
  unsigned line_ = 0;
  Action rule_default_;
  std::vector<Error> problems_;
};

}  // namespace

Result<Policy> parse_policy(std::string_view text, std::string_view file) {
  Parser parser(file, false);
  parser.parse(text);
  if (!parser.problems().empty()) return fail(std::move(parser.problems().front()));
  return std::move(parser.policy);
}

std::vector<Error> check_policy(std::string_view text, std::string_view file) {
  Parser parser(file, true);
  parser.parse(text);
  return std::move(parser.problems());
}

bool uses_notify(const Policy& policy) {
  return policy.otherwise.verdict == Verdict::kNotify ||
         std::any_of(policy.rules.begin(), policy.rules.end(),
                     [](const Rule& rule) { return rule.action.verdict == Verdict::kNotify; });
}

bool can_hand_over_listener(const Policy& policy) {
  const auto lets_pass = [](const Action& action) {
    return action.verdict == Verdict::kAllow || action.verdict == Verdict::kLog;
  };
  bool allowed = lets_pass(policy.otherwise);
  for (const Rule& rule : policy.rules) {
    if (rule.name != "sendmsg") continue;
    // Which conditions the message of the start meets is not known here: a call that is notified would wait for ever.
    if (rule.action.verdict == Verdict::kNotify) return false;
    if (!rule.conditions.empty()) continue;
    if (!lets_pass(rule.action)) return false;
    allowed = true;
  }
  return allowed;
}

std::string action_words(const Action& action) {
  if (action.verdict == Verdict::kErrno) return strings::cat("errno ", action.code);
  for (const ActionWord& row : kActionWords) {
    if (row.verdict == action.verdict) return std::string(row.word);
  }
  return {};
}

std::string describe(const Policy& policy) {
  return strings::cat("system calls: ", action_words(policy.otherwise), ", but for ", policy.rules.size(),
                      policy.rules.size() == 1 ? " rule" : " rules");
}

}  // namespace berth::security
