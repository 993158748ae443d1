// Runs in: the monitor.
// The last part of a container's life: the stop, the undoing, what the starter is told, and the monitor's own end.
#include <signal.h>

#include <utility>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "monitor/farewell.hpp"
#include "monitor/monitor.hpp"
#include "os/command.hpp"
#include "os/lock.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::monitor {

using child::Op;
using runtime::State;
using runtime::StatusKind;

namespace {

constexpr std::string_view kCategory = "monitor";

// A descriptor that one of these steps needs.
bool is_needed(const child::BlobView& blob, const StepList& steps, unsigned slot) {
  for (const std::uint32_t index : steps) {
    const child::Step& step = blob.step(index);
    if ((step.op == Op::kClearNetwork || step.op == Op::kNetlink) && step.num[0] == std::int64_t{slot}) return true;
  }
  return false;
}

}  // namespace

void Monitor::begin_stop() {
  stage_ = Stage::kStopping;
  if (container_.state != State::kStopping) change_state(State::kStopping);
  console_.detach_container();
  context_.target = rebooting_ ? "reboot" : "stop";
  queue_ = started_ && prepared(blob_, done_) ? stop_steps(blob_) : StepList{};
  next_ = 0;
  advance();
}

void Monitor::begin_undo() {
  stage_ = Stage::kUndoing;
  for (Fd& fd : context_.namespaces) fd.reset();
  undo_for_reboot_ = rebooting_;
  // Who is told that a start failed shall find nothing of it.
  queue_ = undo_steps(blob_, done_, rebooting_, failure_ ? Haste::kAll : Haste::kWithoutLazy);
  next_ = 0;
  advance();
}

void Monitor::after_undo() {
  if (std::exchange(undo_again_, false)) return begin_undo();
  if (rebooting_) guardian_.dismiss();
  if (rebooting_) {
    for (std::uint32_t i = 0; i < done_.size(); ++i) {
      if (blob_.step(i).op == Op::kHostHook) done_[i] = false;
    }
    return begin_start(true);
  }
  if (undo_for_reboot_) return begin_undo();  // stopped meanwhile: the rest has to go too
  // Who waits for STOPPED is told by the end of the command socket, when nothing is left.
  container_.state = State::kStopped;
  if (was_running_ && blob_.settings().ephemeral != 0 && blob_.list(blob_.settings().destroy_program).size() > 0) {
    return begin_destroy();
  }
  stage_ = Stage::kFinished;
}

void Monitor::begin_destroy() {
  stage_ = Stage::kDestroying;
  const child::StringList words = blob_.list(blob_.settings().destroy_program);
  runtime::HookCommand command;
  for (std::uint32_t i = 0; i < words.size(); ++i) command.arguments.emplace_back(words[i]);
  command.environment = {strings::cat("PATH=", os::kSearchPath)};
  command.shown = words[0];
  const auto started = hook_.start(std::move(command), [this](const Status& result) {
    if (!result) log::write(log::Level::kError, kCategory, result.error().line());
    stage_ = Stage::kFinished;
  });
  if (started) return;
  log::write(log::Level::kError, kCategory, started.error().line());
  stage_ = Stage::kFinished;
}

Status Monitor::stop() {
  rebooting_ = false;
  stop_asked_ = true;
  if (stage_ == Stage::kStarting) {
    fail_start(Error::from_errno(ECANCELED, "stop", "the container was stopped while it started"), current_step());
    return {};
  }
  if (container_.init_pid == 0) return {};  // it is on its way down
  const int configured = blob_.settings().stop_signal;
  TRY(sys::send_signal(container_.init_pidfd.get(), configured != 0 ? configured : SIGKILL));
  // A frozen process dies only once it is thawed. A container without a freezer is never frozen.
  if (freezer_.available()) return freezer_.request(false);
  return {};
}

void Monitor::tell_starter(StatusKind kind, std::int32_t value, const child::Failure* failure) {
  if (!status_) return;
  runtime::StatusMessage message;
  message.kind = kind;
  message.value = value;
  if (failure != nullptr) message.failure = *failure;
  // A starter that is gone needs no message.
  [[maybe_unused]] const Status ignored =
      sys::send(status_.get(), std::as_bytes(std::span(&message, 1)), {}, false, MSG_DONTWAIT);
}

int Monitor::finish() {
  console_.close();
  if (pid_file_written_) {
    // Somebody may have tidied up before us.
    [[maybe_unused]] const Status ignored = sys::unlink(blob_.text(blob_.settings().pid_file));
  }
  if (!already_running_) tell_monitord(runtime::MessageType::kState, static_cast<std::int32_t>(State::kStopped));
  if (already_running_)
    tell_starter(StatusKind::kAlreadyRunning, 0, nullptr);
  else if (failure_)
    tell_starter(StatusKind::kFailed, groups_made_ ? 1 : 0, failure_.get());
  else
    tell_starter(StatusKind::kStopped, init_status_, nullptr);
  return failure_ || already_running_ ? 1 : 0;
}

// What would keep a file system of the container's or the user's busy. The programs are the host's, and stay: taking the mount of
// the monitor's own apart takes a while.
void Monitor::release_files() {
  const StepList later = undo_steps(blob_, done_, false, Haste::kLazyOnly);
  for (unsigned slot = 0; slot < child::kSlots; ++slot) {
    if (is_needed(blob_, later, slot)) continue;
    if (slot < runtime::kFirstProgramSlot || slot >= runtime::kFirstProgramSlot + programs_) context_.slots[slot].reset();
  }
  log::set_sink({});
  log_.reset();
}

void Monitor::undo_lazily() {
  child::Failure failure;
  for (const std::uint32_t index : undo_steps(blob_, done_, false, Haste::kLazyOnly)) {
    if (!runtime::run_host_step(blob_, index, context_, failure)) {
      log::write(log::Level::kWarn, kCategory,
                 strings::cat(blob_.text(blob_.step(index).doing), ": ", errno_name(failure.error)));
    }
  }
}

// Who waits for the end may go on once all that was the container's is gone, provided that nobody can start another one of this
// name before the monitor's groups are gone too: its lock is held until then. Without the lock they wait.
void Monitor::leave(int status) {
  std::optional<os::FileLock> name;
  if (const char* path = blob_.text(blob_.settings().name_lock); path[0] != '\0') {
    if (auto lock = os::FileLock::try_acquire(path)) name = std::move(*lock);
  }
  if (name) {
    release_files();
    server_.close();
    status_.reset();
  }
  undo_lazily();
  guardian_.dismiss();
  monitor::leave(blob_, done_, status, server_.descriptor());
}

}  // namespace berth::monitor
