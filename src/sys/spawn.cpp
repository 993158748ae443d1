// Runs in: every process that starts programs; run_child and what it calls, in the new process between clone and exec.
#include <fcntl.h>
#include <sys/prctl.h>

#include <algorithm>

#include "base/strings.hpp"
#include "sys/clone_until_exec.hpp"
#include "sys/file.hpp"
#include "sys/handshake.hpp"
#include "sys/outcome.hpp"
#include "sys/process.hpp"

namespace berth::sys {
namespace {

constexpr int kMostTargets = 1024;
constexpr std::size_t kKernelSigsetSize = 8;
constexpr int kLastSignal = 64;

// What the child tells when it fails before exec.
enum class Stage : int { kNamespaces, kDescriptors, kSession, kDeath, kSignals, kExec };
struct ChildFailure {
  Stage stage;
  int error;
};

struct Move {
  int source;  // later: the safe copy above all targets
  int target;
};

// All that the child needs, laid out before clone.
struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  Move* moves;
  std::size_t move_count;
  int first_free;  // above every target
  int program;     // -1: by path
  const char* path;
  int report;
  int network, mounts;    // -1: stays
  const char* directory;  // to work in after a change of `mounts`
  bool new_session;
  pid_t lives_with;  // 0: with nobody
};

[[noreturn]] void give_up(const ChildPlan& plan, Stage stage, long result) noexcept {
  const ChildFailure failure = {stage, static_cast<int>(-result)};
  (void)raw::call(SYS_write, plan.report, &failure, sizeof failure);
  for (;;) (void)raw::call(SYS_exit_group, 127);
}

// Without close_range (5.9; the flag 5.11): every number up to the limit, as nothing else is safe without a heap.
void mark_each_from(int first) noexcept {
  rlimit64 limit{};
  if (raw::call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit) < 0) limit.rlim_cur = 65536;
  const auto end = static_cast<int>(std::min<rlim64_t>(limit.rlim_cur, 1 << 20));
  for (int fd = first; fd < end; ++fd) (void)raw::call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

int lift(const ChildPlan& plan, int fd) noexcept {
  const long copy = raw::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, plan.first_free);
  if (copy < 0) give_up(plan, Stage::kDescriptors, copy);
  return static_cast<int>(copy);
}

// First everything that is wanted goes above all targets, so that no move overwrites the source of another.
void arrange_descriptors(ChildPlan& plan) noexcept {
  constexpr unsigned kMarkOnly = 4;  // CLOSE_RANGE_CLOEXEC
  plan.report = lift(plan, plan.report);
  if (plan.program >= 0) plan.program = lift(plan, plan.program);
  for (std::size_t i = 0; i < plan.move_count; ++i) plan.moves[i].source = lift(plan, plan.moves[i].source);
  for (int fd = 0; fd < plan.first_free; ++fd) (void)raw::call(SYS_close, fd);
  for (std::size_t i = 0; i < plan.move_count; ++i) {
    const long moved = raw::call(SYS_dup3, plan.moves[i].source, plan.moves[i].target, 0);
    if (moved < 0) give_up(plan, Stage::kDescriptors, moved);
  }
  if (raw::call(SYS_close_range, plan.first_free, ~0U, kMarkOnly) < 0) mark_each_from(plan.first_free);
}

// exec resets handlers but keeps ignored signals and the mask; a program of ours starts with neither.
void reset_signals(const ChildPlan& plan) noexcept {
  const unsigned long zeros[8] = {};  // the kernel's struct sigaction, SIG_DFL, and an empty mask
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    (void)raw::call(SYS_rt_sigaction, signal, zeros, nullptr, kKernelSigsetSize);
  }
  const long unmasked = raw::call(SYS_rt_sigprocmask, SIG_SETMASK, zeros, nullptr, kKernelSigsetSize);
  if (unmasked < 0) give_up(plan, Stage::kSignals, unmasked);
}

void enter(const ChildPlan& plan, int space, int type) noexcept {
  if (space < 0) return;
  const long entered = raw::call(SYS_setns, space, type);
  if (entered < 0) give_up(plan, Stage::kNamespaces, entered);
}

// Who has another parent by now has missed the signal.
void die_with_parent(const ChildPlan& plan) noexcept {
  if (plan.lives_with == 0) return;
  const long asked = raw::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (asked < 0) give_up(plan, Stage::kDeath, asked);
  const long parent = raw::call(SYS_getppid);  // 0: outside of this PID namespace
  if (parent != 0 && parent != plan.lives_with) give_up(plan, Stage::kDeath, -ESRCH);
}

[[noreturn]] void run_child(ChildPlan& plan) noexcept {
  enter(plan, plan.network, CLONE_NEWNET);
  enter(plan, plan.mounts, CLONE_NEWNS);
  if (plan.mounts >= 0) (void)raw::call(SYS_chdir, plan.directory);
  arrange_descriptors(plan);
  if (plan.new_session) {
    const long session = raw::call(SYS_setsid);
    if (session < 0) give_up(plan, Stage::kSession, session);
  }
  die_with_parent(plan);
  reset_signals(plan);
  const bool by_path = plan.program < 0;
  give_up(plan, Stage::kExec,
          raw::call(SYS_execveat, by_path ? AT_FDCWD : plan.program, by_path ? plan.path : "", plan.arguments, plan.environment,
                    by_path ? 0 : AT_EMPTY_PATH));
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

Result<std::vector<Move>> plan_moves(const Spawn& request) {
  std::vector<Move> moves;
  for (const auto& [source, target] : request.descriptors) {
    const bool twice = std::any_of(moves.begin(), moves.end(), [&](const Move& move) { return move.target == target; });
    if (target < 0 || target >= kMostTargets || twice) {
      return fail(Error::message(strings::cat("descriptor number ", target, " of a new program is out of range or given twice")));
    }
    moves.push_back({source, target});
  }
  return moves;
}

std::string_view stage_call(Stage stage) {
  switch (stage) {
    case Stage::kNamespaces:
      return "setns";
    case Stage::kDescriptors:
      return "dup3";
    case Stage::kSession:
      return "setsid";
    case Stage::kDeath:
      return "prctl(PR_SET_PDEATHSIG)";
    case Stage::kSignals:
      return "rt_sigprocmask";
    case Stage::kExec:
      return "execveat";
  }
  return "execveat";
}

// Blocks until the child's end of the pipe is closed, by exec or by death.
Status await_exec(int report, const Cloned& child, std::string_view name) {
  ChildFailure failure{};
  const long count = detail::retry(SYS_read, report, &failure, sizeof failure);
  if (count == 0) return {};
  await_exit(child.pidfd.get());
  (void)try_wait_pidfd(child.pidfd.get());  // it is the caller's zombie, unless somebody else's
  if (count != static_cast<long>(sizeof failure))
    return detail::refusal(count < 0 ? count : -EIO, "read", "report of a new process");
  return fail(Error::from_errno(failure.error, stage_call(failure.stage), name));
}

std::string_view program_name(const Spawn& request) {
  if (request.program_fd < 0) return request.program_path;
  return request.arguments.empty() ? std::string_view{} : request.arguments.front();
}

}  // namespace

// What the child reads, at one address until it is done.
struct Spawning::State {
  Spawn request;
  std::vector<Move> moves;
  std::vector<char*> arguments, environment;
  std::string directory;
  ChildPlan plan{};
  ChildStack stack;
  Fd report;
  Cloned child;
};

Spawning::Spawning(std::unique_ptr<State> state) : state_(std::move(state)) {}
Spawning::Spawning(Spawning&&) noexcept = default;

Spawning::~Spawning() {
  if (state_) [[maybe_unused]]
    const auto ignored = finish();  // nobody is left to ask
}

Result<Spawning> Spawning::begin(Spawn request) {
  auto state = std::make_unique<State>();
  state->moves = TRY(plan_moves(request));
  state->request = std::move(request);
  state->arguments = pointers(state->request.arguments);
  state->environment = pointers(state->request.environment);
  const HandshakeWindow window;
  auto [report_read, report_write] = TRY(make_pipe());
  state->report = std::move(report_read);
  ChildPlan& plan = state->plan;
  plan.first_free = 3;
  for (const Move& move : state->moves) plan.first_free = std::max(plan.first_free, move.target + 1);
  plan.arguments = state->arguments.data();
  plan.environment = state->environment.data();
  plan.moves = state->moves.data();
  plan.move_count = state->moves.size();
  plan.program = state->request.program_fd;
  plan.path = state->request.program_path.c_str();
  plan.report = report_write.get();
  plan.network = state->request.network;
  plan.mounts = state->request.mounts;
  if (plan.mounts >= 0) state->directory = read_link("/proc/self/cwd").value_or("/");
  plan.directory = state->directory.c_str();
  plan.new_session = state->request.new_session;
  if (state->request.dies_with_caller) plan.lives_with = current_pid();
  const SignalsBlocked blocked;
  const auto clone = state->request.detached ? clone_detached_until_exec : clone_until_exec;
  state->child = TRY(clone(
      state->stack, state->request.clone_flags, state->request.cgroup_fd,
      [](void* data) { run_child(*static_cast<ChildPlan*>(data)); }, &plan));
  return Spawning(std::move(state));
}

Result<Cloned> Spawning::finish() {
  const std::unique_ptr<State> state = std::move(state_);
  TRY(await_exec(state->report.get(), state->child, program_name(state->request)));
  return std::move(state->child);
}

Result<Cloned> spawn(Spawn request) {
  Spawning started = TRY(Spawning::begin(std::move(request)));
  return started.finish();
}

}  // namespace berth::sys
