// Runs in: berth-seccomp.
#include "compiler.hpp"

#include <seccomp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::security {
namespace {

// The other architectures that a kernel of this one may run programs of.
struct Host {
  std::uint32_t native;
  std::array<std::uint32_t, 2> compatible;  // 0 = none
};
constexpr auto kHosts = std::to_array<Host>({
    Host{SCMP_ARCH_X86_64, {SCMP_ARCH_X86, SCMP_ARCH_X32}},
    Host{SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM, 0}},
    Host{SCMP_ARCH_PPC64, {SCMP_ARCH_PPC, 0}},
    Host{SCMP_ARCH_MIPS64, {SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32}},
    Host{SCMP_ARCH_MIPSEL64, {SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32}},
    Host{SCMP_ARCH_S390X, {SCMP_ARCH_S390, 0}},
});

std::uint32_t action_of(const Action& action) {
  switch (action.verdict) {
    case Verdict::kAllow:
      return SCMP_ACT_ALLOW;
    case Verdict::kErrno:
      return SCMP_ACT_ERRNO(action.code);
    case Verdict::kKillThread:
      return SCMP_ACT_KILL_THREAD;
    case Verdict::kKillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case Verdict::kTrap:
      return SCMP_ACT_TRAP;
    case Verdict::kLog:
      return SCMP_ACT_LOG;
    case Verdict::kNotify:
      return SCMP_ACT_NOTIFY;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_compare comparison_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::kNotEqual:
      return SCMP_CMP_NE;
    case Comparison::kLess:
      return SCMP_CMP_LT;
    case Comparison::kLessOrEqual:
      return SCMP_CMP_LE;
    case Comparison::kEqual:
      return SCMP_CMP_EQ;
    case Comparison::kGreaterOrEqual:
      return SCMP_CMP_GE;
    case Comparison::kGreater:
      return SCMP_CMP_GT;
    case Comparison::kMaskedEqual:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

// libseccomp compares masked arguments with (mask, value), the others with (value).
scmp_arg_cmp condition_of(const Condition& condition) {
  const bool masked = condition.comparison == Comparison::kMaskedEqual;
  return {condition.index, comparison_of(condition.comparison), masked ? condition.mask : condition.value,
          masked ? condition.value : 0};
}

// One architecture's filter, until it is merged into another.
class Context {
 public:
  static Result<Context> make(std::uint32_t otherwise, std::uint32_t arch) {
    Context made(seccomp_init(otherwise), arch);
    if (made.filter_ == nullptr) return fail(Error::message("libseccomp refuses the policy's default action"));
    // The loader sets no_new_privs when it is configured, not the library; and a call number of -1 is not the policy's matter.
    int result = seccomp_attr_set(made.filter_, SCMP_FLTATR_CTL_NNP, 0);
    if (result == 0) result = seccomp_attr_set(made.filter_, SCMP_FLTATR_API_TSKIP, 1);
    if (result == 0 && arch != SCMP_ARCH_NATIVE) {
      result = seccomp_arch_add(made.filter_, arch);
      if (result == 0) result = seccomp_arch_remove(made.filter_, SCMP_ARCH_NATIVE);
    }
    if (result < 0) return fail(Error::from_errno(-result, "libseccomp", "a new filter"));
    return made;
  }
  Context(Context&& other) noexcept : filter_(std::exchange(other.filter_, nullptr)), arch_(other.arch_) {}
  Context& operator=(Context&&) = delete;
  ~Context() {
    if (filter_ != nullptr) seccomp_release(filter_);
  }

  [[nodiscard]] scmp_filter_ctx get() const { return filter_; }
  [[nodiscard]] bool native() const { return arch_ == SCMP_ARCH_NATIVE; }

  // False: this architecture has no such call.
  Result<bool> add(const Rule& rule, int number) {
    if (number < 0 && native()) return false;
    if (!native() && seccomp_syscall_resolve_name_arch(arch_, rule.name.c_str()) < 0) return false;
    std::vector<scmp_arg_cmp> conditions;
    for (const Condition& one : rule.conditions) conditions.push_back(condition_of(one));
    const int result = seccomp_rule_add_exact_array(filter_, action_of(rule.action), number,
                                                    static_cast<unsigned>(conditions.size()), conditions.data());
    if (result < 0) return fail(Error::from_errno(-result, "libseccomp", rule.name));
    return true;
  }

  // The other's rules become this one's; it is empty then.
  Status merge(Context& other) {
    const int result = seccomp_merge(filter_, other.filter_);
    if (result < 0) return fail(Error::from_errno(-result, "libseccomp", "joining the filters of two architectures"));
    other.filter_ = nullptr;
    return {};
  }

 private:
  Context(scmp_filter_ctx filter, std::uint32_t arch) : filter_(filter), arch_(arch) {}
  scmp_filter_ctx filter_;
  std::uint32_t arch_;
};

std::string place(const std::string& file, const Rule& rule) { return strings::cat(file, ":", rule.line); }

Status add_everywhere(std::vector<Context>& contexts, const Rule& rule, const std::string& file,
                      std::vector<std::string>& warnings) {
  const int number = seccomp_syscall_resolve_name(rule.name.c_str());
  if (number == __NR_SCMP_ERROR) {
    warnings.push_back(strings::cat(place(file, rule), ": no system call ", strings::printable(rule.name),
                                    " is known for this architecture: the rule is left out"));
    return {};
  }
  bool anywhere = false;
  for (Context& context : contexts) {
    const bool added = TRY_CONTEXT(context.add(rule, number), place(file, rule));
    anywhere = anywhere || added;
  }
  if (!anywhere) {
    warnings.push_back(strings::cat(place(file, rule), ": the system call ", rule.name,
                                    " is not one of this architecture: the rule is left out"));
  }
  return {};
}

Result<std::vector<Context>> contexts_for(const Policy& policy) {
  std::vector<Context> contexts;
  const std::uint32_t otherwise = action_of(policy.otherwise);
  contexts.push_back(TRY(Context::make(otherwise, SCMP_ARCH_NATIVE)));
  if (policy.version == 1) return contexts;  // its numbers are of one architecture
  for (const Host& host : kHosts) {
    if (host.native != seccomp_arch_native()) continue;
    for (const std::uint32_t arch : host.compatible) {
      if (arch != 0) contexts.push_back(TRY(Context::make(otherwise, arch)));
    }
  }
  return contexts;
}

Status add_numbered(Context& context, const Rule& rule, const std::string& file) {
  const int result = seccomp_rule_add(context.get(), action_of(rule.action), rule.number, 0);
  if (result < 0) return fail(Error::from_errno(-result, "libseccomp", strings::cat(place(file, rule), ": ", rule.number)));
  return {};
}

Result<std::string> export_program(scmp_filter_ctx filter) {
  const Fd memory = TRY(sys::memfd("berth-seccomp", 0));
  if (const int result = seccomp_export_bpf(filter, memory.get()); result < 0)
    return fail(Error::from_errno(-result, "libseccomp", "writing the filter"));
  TRY(sys::rewind(memory.get()));
  return sys::read_all(memory.get(), "the filter");
}

}  // namespace

Result<CompiledFilter> compile(const Policy& policy, const std::string& file) {
  CompiledFilter filter;
  std::vector<Context> contexts = TRY(contexts_for(policy));
  for (const Rule& rule : policy.rules) {
    if (policy.version == 1)
      TRY(add_numbered(contexts.front(), rule, file));
    else
      TRY(add_everywhere(contexts, rule, file, filter.warnings));
  }
  for (Context& other : std::span(contexts).subspan(1)) TRY(contexts.front().merge(other));
  filter.program = TRY(export_program(contexts.front().get()));
  filter.notifies = uses_notify(policy);
  return filter;
}

}  // namespace berth::security
