// Runs in: the monitor.
#include "monitor/monitor.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <cstring>

#include "base/log.hpp"
#include "base/signal_names.hpp"
#include "base/strings.hpp"
#include "monitor/fault_point.hpp"
#include "monitor/notes.hpp"
#include "runtime/announcer.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::monitor {

using child::Op;
using child::Phase;
using child::Step;
using runtime::State;
using runtime::StatusKind;

namespace {

constexpr std::string_view kCategory = "monitor";

std::uint32_t bit_of(std::int64_t point) { return point >= 0 && point < 32 ? 1U << point : 0U; }

// Of an undo step that failed.
log::Level weight_of(const Step& step) {
  if (step.op == Op::kBringHome) return log::Level::kError;
  return step.op == Op::kNetlink ? log::Level::kWarn : log::Level::kDebug;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return strings::cat("the container's first process was killed by ", signals::name_of(WTERMSIG(status)));
  return strings::cat("the container's first process exited with status ", WEXITSTATUS(status));
}

}  // namespace

Monitor::Monitor(const child::BlobView& blob, Loop loop, Fd status, Fd terminal)
    : blob_(blob),
      loop_(std::move(loop)),
      status_(std::move(status)),
      terminal_(std::move(terminal)),
      console_(loop_),
      freezer_(blob.text(blob.settings().freezer), blob.settings().freezer_is_v2 != 0),
      seccomp_(blob, loop_, container_),
      commands_(blob, loop_, container_, console_, freezer_, *this),
      server_(loop_, commands_),
      hook_(loop_),
      devices_(blob, context_.device_program),
      guardian_(blob),
      signal_watcher_([this] { on_signal(); }),
      starter_watcher_([this] { on_starter(); }),
      channel_watcher_([this] { on_channel(); }),
      init_watcher_([this] { on_init_ended(); }),
      done_(blob.step_count()) {
  commands_.serve(server_);
  commands_.notify_through(seccomp_);
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    done_[i] = blob.step(i).phase == Phase::kCaller;
    if (blob.step(i).phase == Phase::kBeside) groups_made_ = false;
  }
}

int Monitor::run() {
  if (set_up()) begin_start(false);
  while (stage_ != Stage::kFinished) {
    if (auto stepped = loop_.step(); !stepped) log::write(log::Level::kError, kCategory, stepped.error().line());
  }
  return finish();
}

void Monitor::change_state(State state) {
  take_state(state);
  tell_monitord(runtime::MessageType::kState, static_cast<std::int32_t>(state));
}

void Monitor::take_state(State state) {
  container_.state = state;
  if (log::enabled(log::Level::kDebug)) log::debug(kCategory, strings::cat("state ", runtime::state_name(state)));
  server_.notify(state, blob_.text(blob_.settings().name));
}

void Monitor::tell_monitord(runtime::MessageType type, std::int32_t value) const {
  if (!blob_.has(blob_.settings().monitor_fifo)) return;
  const Status told = runtime::announce(blob_.text(blob_.settings().monitor_fifo),
                                        runtime::make_message(type, blob_.text(blob_.settings().name), value));
  // Mostly there is none.
  if (!told && told.error().code() != ENOENT) log::debug(kCategory, told.error().line());
}

// --- the sequence of steps -----------------------------------------------------------------------------------------------

void Monitor::begin_start(bool reboot) {
  stage_ = Stage::kStarting;
  started_ = true;
  rebooting_ = false;
  devices_.begin();
  context_.target = nullptr;
  context_.init_pid = -1;
  reached_ = groups_made_ ? bit_of(static_cast<std::int64_t>(child::Point::kGroupsMade)) : 0;
  exec_seen_ = false;
  change_state(State::kStarting);
  queue_ = start_steps(blob_, reboot);
  next_ = 0;
  advance();
}

// Carries out steps until one has to wait for an event, whose handler calls this again.
void Monitor::advance() {
  if (stage_ == Stage::kRunning || stage_ == Stage::kKilling || hook_.busy()) return;
  while (next_ < queue_.size()) {
    const Stage stage = stage_;
    const std::uint32_t index = queue_[next_];
    const Outcome outcome = perform(index);
    if (outcome == Outcome::kWaiting || stage_ != stage) return;
    if (outcome == Outcome::kDone) step_done(index);
    ++next_;
  }
  on_steps_done();
}

std::uint32_t Monitor::current_step() const {
  if (queue_.empty()) return blob_.step_count();
  return queue_[next_ < queue_.size() ? next_ : queue_.size() - 1];
}

void Monitor::step_done(std::uint32_t index) {
  const Step& step = blob_.step(index);
  done_[index] = true;
  if (step.phase == Phase::kUndo && step.undoes > 0 && step.undoes <= done_.size()) done_[step.undoes - 1] = false;
}

Monitor::Outcome Monitor::perform(std::uint32_t index) {
  const Step& step = blob_.step(index);
  stop_at_fault_point(stage_ == Stage::kUndoing ? "undo" : "monitor", index);
  if (log::enabled(log::Level::kTrace)) log::trace(kCategory, strings::cat("step ", index, ": ", blob_.text(step.doing)));
  if ((step.flags & child::kStepOutlives) != 0) guardian_.expect(index);
  if (step.op == Op::kHostHook) return perform_hook(index, step);
  if (stage_ == Stage::kStarting) return perform_start_step(index, step);
  return perform_plain(index);
}

Monitor::Outcome Monitor::perform_start_step(std::uint32_t index, const Step& step) {
  switch (step.op) {
    case Op::kClone:
      return perform_clone(index, step);
    case Op::kAwait:
      return (reached_ & bit_of(step.num[0])) != 0 ? Outcome::kDone : Outcome::kWaiting;
    case Op::kAwaitRunning:
      return exec_seen_ ? Outcome::kDone : Outcome::kWaiting;
    case Op::kGuard:
      return perform_guard(index);
    case Op::kRelease:
      break;
    default:
      return perform_plain(index);
  }
  // The end of the first process is on its way to us.
  if (!channel_) return Outcome::kWaiting;
  if (step.num[0] == static_cast<std::int64_t>(child::Point::kGo)) keep_namespaces();
  child::Message message;
  message.value = static_cast<std::uint32_t>(step.num[0]);
  const auto sent = sys::send(channel_.get(), std::as_bytes(std::span(&message, 1)));
  if (sent) return Outcome::kDone;
  // The other end is gone: its last words, or its exit status, tell more than this refusal.
  const int code = sent.error().code();
  if (code == EPIPE || code == ECONNRESET) return Outcome::kWaiting;
  fail_start(sent.error(), index);
  return Outcome::kFailed;
}

Monitor::Outcome Monitor::perform_clone(std::uint32_t index, const Step& step) {
  auto init = clone_init(blob_, step, context_, container_fault_point());
  if (!init) {
    fail_start(init.error(), index);
    return Outcome::kFailed;
  }
  container_.init_pid = context_.init_pid = init->pid;
  container_.init_pidfd = std::move(init->pidfd);
  channel_ = std::move(init->channel);
  context_.channel = channel_.get();
  keep_namespaces();
  auto watched = loop_.watch(channel_.get(), EPOLLIN, channel_watcher_);
  if (watched) watched = loop_.watch(container_.init_pidfd.get(), EPOLLIN, init_watcher_);
  if (watched) return Outcome::kDone;
  fail_start(watched.error(), index);
  return Outcome::kFailed;
}

Monitor::Outcome Monitor::perform_guard(std::uint32_t index) {
  const Status started = guardian_.start(context_, log_.get());
  if (started) return Outcome::kDone;
  fail_start(started.error(), index);
  return Outcome::kFailed;
}

Monitor::Outcome Monitor::perform_plain(std::uint32_t index) {
  child::Failure failure;
  if (runtime::run_host_step(blob_, index, context_, failure)) return Outcome::kDone;
  // What stays of a network on the host is for the administrator to know.
  log::write(stage_ == Stage::kUndoing ? weight_of(blob_.step(index)) : log::Level::kDebug, kCategory,
             strings::cat(blob_.text(blob_.step(index).doing), ": ", failure.call, '(', failure.object,
                          "): ", errno_name(failure.error)));
  if (stage_ != Stage::kStarting || tolerate(index)) return Outcome::kFailed;
  // An interface can have moved before something else of the same request was refused.
  if (std::string_view(blob_.text(blob_.step(index).text[1])) == "move") done_[index] = true;
  fail_start(failure);
  return Outcome::kFailed;
}

bool Monitor::tolerate(std::uint32_t index) { return (blob_.step(index).flags & child::kStepMayFail) != 0; }

Monitor::Outcome Monitor::perform_hook(std::uint32_t index, const Step& step) {
  auto started = hook_.start(runtime::hook_command(blob_, step, context_),
                             [this, index](const Status& result) { on_hook_end(index, result); });
  if (started) return Outcome::kWaiting;
  log::debug(kCategory, started.error().line());
  if (stage_ != Stage::kStarting) {
    on_stop_hook_failed(index);
  } else if (!tolerate(index)) {
    fail_start(started.error(), index);
  }
  return Outcome::kFailed;
}

void Monitor::on_hook_end(std::uint32_t index, const Status& result) {
  // What stays connected is for the administrator to know.
  if (!result) log::write(stage_ == Stage::kUndoing ? log::Level::kWarn : log::Level::kDebug, kCategory, result.error().line());
  if (result) {
    step_done(index);
  } else if (stage_ != Stage::kStarting) {
    on_stop_hook_failed(index);
  } else if (!tolerate(index)) {
    // A program may have done its work in part before it failed.
    if ((blob_.step(index).flags & child::kStepOutlives) != 0) done_[index] = true;
    return fail_start(result.error(), index);
  }
  ++next_;
  advance();
}

// A container whose post-stop hook fails is not started again.
void Monitor::on_stop_hook_failed(std::uint32_t index) {
  if (std::string_view(blob_.text(blob_.step(index).text[1])) == "post-stop") rebooting_ = false;
}

void Monitor::on_steps_done() {
  switch (stage_) {
    case Stage::kStarting:
      if (exec_seen_) enter_running();
      return;
    case Stage::kStopping:
      return begin_undo();
    case Stage::kUndoing:
      return after_undo();
    default:
      return;
  }
}

// --- events --------------------------------------------------------------------------------------------------------------

void Monitor::on_starter() {
  runtime::StarterMessage message;
  const auto received = sys::receive(status_.get(), std::as_writable_bytes(std::span(&message, 1)), MSG_DONTWAIT);
  if (!received && received.error().code() == EAGAIN) return;
  if (received && received->bytes == sizeof message) return on_groups_made();
  on_starter_gone();
}

void Monitor::take_over_groups() {
  groups_made_ = true;
  for (std::uint32_t i = 0; i < blob_.step_count(); ++i) {
    if (blob_.step(i).phase == Phase::kBeside) done_[i] = true;
  }
}

void Monitor::on_groups_made() {
  take_over_groups();
  reached_ |= bit_of(static_cast<std::int64_t>(child::Point::kGroupsMade));
  if (blob_.settings().foreground == 0) loop_.forget(status_.get());
  advance();
}

void Monitor::on_starter_gone() {
  loop_.forget(status_.get());
  log::debug(kCategory, "the starting command is gone");
  const bool incomplete = !groups_made_;
  if (incomplete) {
    take_over_groups();
    undo_again_ = stage_ != Stage::kStarting;
  }
  if (incomplete && stage_ == Stage::kStarting)
    return fail_start(Error::from_errno(ECANCELED, "start", "the starting command has given up"), current_step());
  [[maybe_unused]] const Status ignored = stop();  // fails only when there is nothing left to stop
}

void Monitor::on_channel() {
  while (channel_) {
    child::Message message;
    auto received = sys::receive(channel_.get(), std::as_writable_bytes(std::span(&message, 1)), MSG_DONTWAIT);
    if (!received && received.error().code() == EAGAIN) return;
    if (!received || received->bytes != sizeof message) return on_channel_closed();
    on_message(message, std::move(received->descriptors));
  }
}

void Monitor::on_message(child::Message& message, std::vector<Fd> descriptors) {
  switch (message.kind) {
    case child::MessageKind::kReached:
      reached_ |= bit_of(message.value);
      if (message.value == static_cast<std::uint32_t>(child::Point::kAboutToExec)) keep_namespaces();
      return advance();
    case child::MessageKind::kFailed:
      return fail_start(message.failure);
    case child::MessageKind::kConsole:
      if (descriptors.empty()) return;
      if (auto set = console_.set_master(std::move(descriptors.front())); !set) log::debug(kCategory, set.error().line());
      return;
    case child::MessageKind::kTtys:
      return console_.add_ttys(std::move(descriptors));
    case child::MessageKind::kDevpts:
      if (!descriptors.empty()) container_.devpts = std::move(descriptors.front());
      return;
    case child::MessageKind::kListener:
      if (descriptors.empty()) return;
      if (auto begun = seccomp_.start(std::move(descriptors.front())); !begun)
        fail_start(begun.error(), step_of(blob_, Op::kSeccompFilter));
      return;
    case child::MessageKind::kSkipped:
    case child::MessageKind::kOutput:
      return log_note(blob_, message);
    case child::MessageKind::kTree:
    case child::MessageKind::kAttached:
      return;  // not on this channel, or the other way only
  }
}

void Monitor::on_channel_closed() {
  loop_.forget(channel_.get());
  channel_.reset();
  context_.channel = -1;
  // Without the announcement it is the end of the process, which its pidfd reports.
  if ((reached_ & bit_of(static_cast<std::int64_t>(child::Point::kAboutToExec))) == 0) return;
  exec_seen_ = true;
  advance();
}

void Monitor::on_init_ended() {
  if (stage_ == Stage::kStarting && channel_) on_channel();  // its last words come first
  const auto status = sys::try_wait_pidfd(container_.init_pidfd.get());
  if (status && !*status) return;
  init_status_ = status ? **status : 0;
  drop_init();
  log::debug(kCategory, how_it_ended(init_status_));
  if (stage_ == Stage::kStarting)
    return fail_start(Error::from_errno(ECHILD, "exec", how_it_ended(init_status_)), current_step());
  tell_monitord(runtime::MessageType::kExitCode, init_status_);
  if (stage_ == Stage::kRunning) {
    const bool own_pids = (blob_.settings().clone_flags & CLONE_NEWPID) != 0;
    rebooting_ = own_pids && !stop_asked_ && WIFSIGNALED(init_status_) && WTERMSIG(init_status_) == SIGHUP;
  }
  begin_stop();
}

// --- transitions ---------------------------------------------------------------------------------------------------------

void Monitor::drop_init() {
  loop_.forget(container_.init_pidfd.get());
  container_.init_pidfd.reset();
  container_.init_pid = 0;
  container_.devpts.reset();
  seccomp_.stop();
  if (channel_) loop_.forget(channel_.get());
  channel_.reset();
  context_.channel = -1;
}

// For stop hooks. Called more than once: the first process changes its namespaces until it executes init.
void Monitor::keep_namespaces() {
  if (wants_namespaces(blob_)) runtime::open_namespaces(context_);
}

void Monitor::enter_running() {
  stage_ = Stage::kRunning;
  change_state(State::kRunning);
  if (!was_running_) tell_starter(StatusKind::kRunning, container_.init_pid, nullptr);
  was_running_ = true;
  if (blob_.settings().foreground == 0) status_.reset();
}

void Monitor::fail_start(const Error& error, std::uint32_t step) {
  child::Failure failure;
  runtime::describe(error, step, failure);
  fail_start(failure);
}

void Monitor::fail_start(const child::Failure& failure) {
  if (stage_ != Stage::kStarting) return;
  failure_ = std::make_unique<child::Failure>(failure);
  hook_.abandon();
  change_state(State::kAborting);
  change_state(State::kStopping);
  if (container_.init_pid == 0) return begin_stop();
  stage_ = Stage::kKilling;
  // It may have ended already; its pidfd tells then too.
  [[maybe_unused]] const Status ignored = sys::send_signal(container_.init_pidfd.get(), SIGKILL);
}

}  // namespace berth::monitor
