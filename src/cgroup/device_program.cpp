// Runs in: the caller, while planning. Pure functions.
#include "cgroup/device_program.hpp"

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"

namespace berth::cgroup {

namespace {

constexpr std::uint32_t kMostMajor = (1U << 12) - 1;  // of the kernel's device numbers
constexpr std::uint32_t kMostMinor = (1U << 20) - 1;
constexpr std::uint32_t kEveryAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

Error malformed(std::string_view text, std::string_view what) {
  return Error::message(strings::cat("the device rule '", text, "' ", what))
      .hint(
          "write a, or TYPE MAJOR:MINOR ACCESS with TYPE b or c, a number or * for each of MAJOR and MINOR, and ACCESS out of r, "
          "w and m: c 1:3 rwm");
}

Result<std::optional<std::uint32_t>> parse_device_number(std::string_view word, std::uint32_t most, std::string_view text) {
  if (word == "*") return std::nullopt;
  const auto number = strings::parse_number<std::uint32_t>(word);
  if (!number || *number > most)
    return fail(malformed(text, strings::cat("has no device number: '", word, "' is not in 0-", most)));
  return number;
}

Result<std::uint32_t> parse_access(std::string_view word, std::string_view text) {
  std::uint32_t access = 0;
  for (const char letter : word) {
    if (letter == 'r')
      access |= BPF_DEVCG_ACC_READ;
    else if (letter == 'w')
      access |= BPF_DEVCG_ACC_WRITE;
    else if (letter == 'm')
      access |= BPF_DEVCG_ACC_MKNOD;
    else
      return fail(malformed(text, strings::cat("has an unknown access '", letter, "'")));
  }
  return access;
}

// "a *:* rwm" is another way to write "a".
bool names_everything(const std::vector<std::string_view>& words) {
  return words[0] == "a" && words.size() <= 3 && (words.size() < 2 || words[1] == "*:*") &&
         (words.size() < 3 || words[2] == "rwm");
}

bool same_numbers(const DeviceRule& a, const DeviceRule& b) {
  return a.block == b.block && a.major == b.major && a.minor == b.minor;
}

void add_exception(std::vector<DeviceRule>& exceptions, const DeviceRule& rule) {
  const auto same = std::ranges::find_if(exceptions, [&](const DeviceRule& one) { return same_numbers(one, rule); });
  if (same == exceptions.end())
    exceptions.push_back(rule);
  else
    same->access |= rule.access;
}

void take_back(std::vector<DeviceRule>& exceptions, const DeviceRule& rule) {
  for (DeviceRule& one : exceptions) {
    if (same_numbers(one, rule)) one.access &= ~rule.access;
  }
  std::erase_if(exceptions, [](const DeviceRule& one) { return one.access == 0; });
}

// --- the program ----------------------------------------------------------------------------------------------------------

enum Register : std::uint8_t { kResult = BPF_REG_0, kContext = BPF_REG_1, kType, kAccess, kMajor, kMinor };

bpf_insn instruction(int code, Register to, std::int32_t value, std::int16_t offset = 0) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = static_cast<std::uint8_t>(to & 0xf);
  made.off = offset;
  made.imm = value;
  return made;
}

bpf_insn copy(Register to, Register from) {
  bpf_insn made = instruction(BPF_ALU64 | BPF_MOV | BPF_X, to, 0);
  made.src_reg = static_cast<std::uint8_t>(from & 0xf);
  return made;
}

bpf_insn load(Register to, std::size_t offset) {
  bpf_insn made = instruction(BPF_LDX | BPF_MEM | BPF_W, to, 0, static_cast<std::int16_t>(offset));
  made.src_reg = kContext;
  return made;
}

void add_verdict(std::vector<bpf_insn>& program, bool allow) {
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, kResult, allow ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, kResult, 0));
}

// Conditions that lead past the exception when they don't hold, then its verdict. Jumps are aimed once the length is known.
void add_test(std::vector<bpf_insn>& program, const DeviceRule& rule, bool allow) {
  const std::size_t start = program.size();
  const auto go_on_unless = [&](int comparison, Register subject, std::uint32_t value) {
    program.push_back(instruction(BPF_JMP | comparison | BPF_K, subject, static_cast<std::int32_t>(value)));
  };
  go_on_unless(BPF_JNE, kType, rule.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  if (rule.major) go_on_unless(BPF_JNE, kMajor, *rule.major);
  if (rule.minor) go_on_unless(BPF_JNE, kMinor, *rule.minor);
  program.push_back(copy(kResult, kAccess));
  const auto mask = allow ? ~rule.access : rule.access;
  program.push_back(instruction(BPF_ALU64 | BPF_AND | BPF_K, kResult, static_cast<std::int32_t>(mask & kEveryAccess)));
  go_on_unless(allow ? BPF_JNE : BPF_JEQ, kResult, 0);
  add_verdict(program, allow);
  for (std::size_t at = start; at + 2 < program.size(); ++at) {
    if (BPF_CLASS(program[at].code) == BPF_JMP) program[at].off = static_cast<std::int16_t>(program.size() - at - 1);
  }
}

}  // namespace

Result<DeviceRule> parse_device_rule(bool allow, std::string_view text) {
  const auto words = strings::split_words(text);
  DeviceRule rule;
  rule.allow = allow;
  if (words.empty()) return fail(malformed(text, "is empty"));
  rule.all = names_everything(words);
  if (rule.all) return rule;
  if (words[0] != "b" && words[0] != "c") return fail(malformed(text, "names neither all, block nor character devices"));
  const auto numbers = words.size() == 3 ? strings::split(words[1], ':') : std::vector<std::string_view>{};
  if (numbers.size() != 2) return fail(malformed(text, "does not have the three parts of a rule"));
  rule.block = words[0] == "b";
  rule.major = TRY(parse_device_number(numbers[0], kMostMajor, text));
  rule.minor = TRY(parse_device_number(numbers[1], kMostMinor, text));
  rule.access = TRY(parse_access(words[2], text));
  return rule;
}

std::string rule_text(const DeviceRule& rule) {
  if (rule.all) return "a";
  const auto number = [](const std::optional<std::uint32_t>& value) { return value ? strings::cat(*value) : std::string("*"); };
  std::string text = strings::cat(rule.block ? 'b' : 'c', ' ', number(rule.major), ':', number(rule.minor), ' ');
  if ((rule.access & BPF_DEVCG_ACC_READ) != 0) text.push_back('r');
  if ((rule.access & BPF_DEVCG_ACC_WRITE) != 0) text.push_back('w');
  if ((rule.access & BPF_DEVCG_ACC_MKNOD) != 0) text.push_back('m');
  return text;
}

DevicePolicy device_policy(bool allow, const std::vector<DeviceRule>& rules) {
  DevicePolicy policy{allow, {}};
  for (const DeviceRule& rule : rules) add_rule(policy, rule);
  return policy;
}

void add_rule(DevicePolicy& policy, const DeviceRule& rule) {
  if (rule.all)
    policy = {rule.allow, {}};
  else if (rule.allow == policy.allow)
    take_back(policy.exceptions, rule);
  else
    add_exception(policy.exceptions, rule);
}

std::uint32_t changed_accesses(const DevicePolicy& policy, const DeviceRule& rule) {
  const auto same = std::ranges::find_if(policy.exceptions, [&](const DeviceRule& one) { return same_numbers(one, rule); });
  const std::uint32_t excepted = same == policy.exceptions.end() ? 0 : same->access;
  return rule.access & (rule.allow == policy.allow ? excepted : ~excepted);
}

std::vector<bpf_insn> compile_device_policy(const DevicePolicy& policy) {
  std::vector<bpf_insn> program;
  if (policy.allow && policy.exceptions.empty()) return program;
  constexpr std::int32_t kTypeBits = 0xffff;
  constexpr std::int32_t kAccessShift = 16;
  if (!policy.exceptions.empty()) {
    program.push_back(load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)));
    program.push_back(copy(kAccess, kType));
    program.push_back(instruction(BPF_ALU64 | BPF_AND | BPF_K, kType, kTypeBits));
    program.push_back(instruction(BPF_ALU64 | BPF_RSH | BPF_K, kAccess, kAccessShift));
    program.push_back(load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)));
    program.push_back(load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)));
  }
  for (const DeviceRule& exception : policy.exceptions) add_test(program, exception, !policy.allow);
  add_verdict(program, policy.allow);
  return program;
}

std::string program_text(const std::vector<bpf_insn>& program) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  const auto* bytes = reinterpret_cast<const unsigned char*>(program.data());
  for (std::size_t i = 0; i < program.size() * sizeof(bpf_insn); ++i) {
    text.push_back(kDigits[bytes[i] >> 4]);
    text.push_back(kDigits[bytes[i] & 0xf]);
  }
  return text;
}

}  // namespace berth::cgroup
