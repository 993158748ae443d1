// Runs in: commands, the monitor, and programs that embed the library.
#include "os/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/signal_names.hpp"
#include "base/strings.hpp"
#include "os/pid_ref.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::os {
namespace {

using Clock = std::chrono::steady_clock;

// One captured stream: the end that we read, and where its bytes go.
struct Stream {
  Fd read_end;
  std::string* text;
};

Result<std::string> find_program(const Command& command) {
  if (command.program.find('/') != std::string::npos) return command.program;
  for (const std::string_view directory : strings::split_words(command.search_path, ":")) {
    std::string path = strings::cat(directory, '/', command.program);
    const Result<struct ::stat> info = sys::stat(path);
    if (info && S_ISREG(info->st_mode) && (info->st_mode & 0111) != 0) return path;
  }
  return fail(
      Error::from_errno(ENOENT, "execve", command.program).because(strings::cat("no such program in ", command.search_path)));
}

Result<Fd> open_input(const std::optional<std::string>& input) {
  if (!input) return sys::open("/dev/null", O_RDONLY);
  Fd fd = TRY(sys::memfd("berth-input", 0));
  TRY(sys::write_all(fd.get(), *input, "input of a program"));
  TRY(sys::rewind(fd.get()));
  return fd;
}

class Runner {
 public:
  explicit Runner(const Command& command) : command_(command), streams_{{{{}, &result_.output}, {{}, &result_.error_output}}} {}

  Result<Finished> run() {
    const PidRef child = TRY(start());
    const Status watched = watch(child);
    // Whatever went wrong here, the program must not live on unwatched.
    if (!watched || result_.timed_out) kill_session(child);
    result_.status = TRY(child.reap());
    if (!watched) return fail(watched.error());
    return std::move(result_);
  }

 private:
  Result<PidRef> start() {
    sys::Spawn spawn;
    spawn.program_path = TRY(find_program(command_));
    spawn.arguments.push_back(command_.program);
    spawn.arguments.insert(spawn.arguments.end(), command_.arguments.begin(), command_.arguments.end());
    spawn.environment = command_.environment;
    spawn.network = command_.network;
    spawn.mounts = command_.mounts;
    spawn.new_session = command_.timeout.has_value();  // else the terminal stays within reach, for programs that ask
    const Fd input = command_.input_from < 0 ? TRY(open_input(command_.input)) : Fd();
    spawn.descriptors.emplace_back(input ? input.get() : command_.input_from, STDIN_FILENO);
    std::array<Fd, 2> write_ends;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const int number = STDOUT_FILENO + static_cast<int>(i);
      const int own = command_.inherit_output ? number : i == 0 ? command_.output_to : -1;
      if (own < 0) write_ends[i] = TRY(capture(streams_[i]));
      spawn.descriptors.emplace_back(own < 0 ? write_ends[i].get() : own, number);
    }
    sys::Cloned child = TRY(sys::spawn(std::move(spawn)));
    return PidRef(std::move(child));
  }

  static Result<Fd> capture(Stream& stream) {
    auto [read_end, write_end] = TRY(sys::make_pipe());
    TRY(sys::set_nonblocking(read_end.get()));
    stream.read_end = std::move(read_end);
    return std::move(write_end);
  }

  // Until the process ends or its time is over; then what is in the pipes already is taken too.
  Status watch(const PidRef& child) {
    const Clock::time_point start = Clock::now();
    for (bool ended = false; !ended;) {
      std::array<pollfd, 3> entries = {{{child.pidfd(), POLLIN, 0}, watched(streams_[0]), watched(streams_[1])}};
      TRY(sys::poll(entries, time_left(start)));
      ended = (entries[0].revents & POLLIN) != 0;
      for (Stream& stream : streams_) TRY(drain(stream));
      if (!ended && command_.timeout && time_left(start) == 0) {
        result_.timed_out = true;
        return {};
      }
    }
    return {};
  }

  static pollfd watched(const Stream& stream) { return {stream.read_end.get(), POLLIN, 0}; }  // -1 is ignored by poll

  [[nodiscard]] int time_left(Clock::time_point start) const {
    if (!command_.timeout) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(start + *command_.timeout - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  Status drain(Stream& stream) {
    constexpr int kReads = 8;  // more than a pipe holds, yet a program that never pauses can't keep us here
    char buffer[16384];
    for (int i = 0; i < kReads && stream.read_end; ++i) {
      const Result<std::size_t> count = sys::read_some(stream.read_end.get(), buffer, "output of a program");
      if (!count && count.error().code() == EAGAIN) return {};
      if (!count) return fail(count.error());
      if (*count == 0) stream.read_end.reset();
      keep(*stream.text, std::string_view(buffer, *count));
    }
    return {};
  }

  // Bytes past the limit are dropped, so that the program never blocks on a full pipe.
  void keep(std::string& text, std::string_view piece) {
    const std::size_t room = command_.output_limit - std::min(command_.output_limit, text.size());
    result_.truncated = result_.truncated || piece.size() > room;
    text.append(piece.substr(0, room));
  }

  // The session's group exists as long as its leader is not reaped, so the number can't be a stranger's.
  void kill_session(const PidRef& child) const {
    if (command_.timeout) (void)sys::kill(-child.pid(), SIGKILL);
    (void)child.signal(SIGKILL);
  }

  const Command& command_;
  Finished result_;
  std::array<Stream, 2> streams_;
};

}  // namespace

std::string describe_wait_status(int status) {
  if (WIFEXITED(status)) return strings::cat("exit status ", WEXITSTATUS(status));
  return strings::cat("killed by ", signals::name_of(WTERMSIG(status)));
}

std::string Finished::outcome() const { return timed_out ? "timed out" : describe_wait_status(status); }

Result<Finished> run(const Command& command) { return Runner(command).run(); }

Result<Finished> run_checked(const Command& command) {
  Finished finished = TRY(run(command));
  if (finished.succeeded()) return finished;
  return fail(Error::message(strings::cat(command.program, ": ", finished.outcome()), finished.timed_out ? ETIMEDOUT : ECHILD)
                  .output(finished.error_output.empty() ? finished.output : finished.error_output));
}

std::optional<std::string> find_program(std::string_view name) {
  Command command;
  command.program = name;
  auto found = find_program(command);
  if (!found) return std::nullopt;
  return std::move(*found);
}

bool has_program(const std::string& name) { return find_program(name).has_value(); }

std::vector<std::string> own_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) result.emplace_back(*entry);
  return result;
}

}  // namespace berth::os
