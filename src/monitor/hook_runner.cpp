// Runs in: the monitor.
#include "monitor/hook_runner.hpp"

#include <sys/epoll.h>

namespace berth::monitor {

Status HookRunner::start(runtime::HookCommand command, Done done) {
  program_ = TRY(runtime::RunningProgram::start(command.arguments, command.environment));
  command_ = std::move(command);
  done_ = std::move(done);
  output_open_ = loop_.watch(program_->output_fd(), EPOLLIN, output_watcher_).has_value();
  return loop_.watch(program_->pidfd(), EPOLLIN, end_watcher_);
}

void HookRunner::forget() {
  loop_.forget(program_->pidfd());
  if (output_open_) loop_.forget(program_->output_fd());
  output_open_ = false;
}

void HookRunner::abandon() {
  if (!program_) return;
  program_->kill();
  // Killed: it ends at once, and a zombie must not be left to whatever follows.
  [[maybe_unused]] const auto ignored = program_->reap();
  forget();
  program_.reset();
}

void HookRunner::on_output() {
  if (program_->read_output()) return;
  loop_.forget(program_->output_fd());
  output_open_ = false;
}

void HookRunner::on_end() {
  const auto status = program_->reap();
  forget();
  runtime::RunningProgram ended = std::move(*program_);
  program_.reset();
  const Done done = std::move(done_);
  done(status ? runtime::hook_outcome(command_, ended, *status) : Status(fail(status.error())));
}

}  // namespace berth::monitor
