// Runs in: a program that links libberth.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

#include "api/container_impl.hpp"
#include "os/pid_ref.hpp"
#include "runtime/attach.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::api {
inline namespace v0 {

struct Process::Impl {
  os::PidRef process;
  std::optional<ExitStatus> ended{};
};

}  // namespace v0

namespace {

runtime::AttachRequest request_from(const std::vector<std::string>& command, const AttachOptions& options) {
  runtime::AttachRequest request;
  request.command = command;
  request.elevated = {options.keep_cgroup, options.keep_capabilities, options.keep_label};
  request.namespaces = options.namespaces;
  request.no_new_privileges = options.no_new_privileges;
  request.cwd = options.directory;
  request.uid = options.uid;
  request.gid = options.gid;
  request.groups = options.groups;
  request.environment = {options.clear_environment, options.keep_environment, options.environment};
  request.stdin_fd = options.stdin_fd;
  request.stdout_fd = options.stdout_fd;
  request.stderr_fd = options.stderr_fd;
  request.terminal = options.terminal;
  return request;
}

// A command that was not executed has left a process that says 126 or 127: it is reaped here, as the caller gets the Error alone.
berth::Result<os::PidRef> enter(const runtime::Container& container, const runtime::AttachRequest& request) {
  auto attached = TRY(runtime::attach_in_background(container, request));
  if (!attached.failure) return std::move(attached.process);
  TRY(attached.process.reap());
  return berth::fail(std::move(*attached.failure));
}

int call_function(void* payload) noexcept { return (*static_cast<const std::function<int()>*>(payload))(); }

// One of the command's outputs.
struct Stream {
  Fd from;
  std::string* text;
};

berth::Status read_stream(Stream& stream) {
  std::array<char, 65536> buffer;
  const std::size_t count = TRY(sys::read_some(stream.from.get(), std::span(buffer), "output of the command"));
  if (count == 0) stream.from.reset();
  stream.text->append(buffer.data(), count);
  return {};
}

berth::Status read_streams(std::array<Stream, 2>& streams) {
  while (streams[0].from || streams[1].from) {
    // A negative descriptor is left out.
    std::array<pollfd, 2> entries{pollfd{streams[0].from.get(), POLLIN, 0}, pollfd{streams[1].from.get(), POLLIN, 0}};
    TRY(sys::poll(entries, -1));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (streams[i].from && entries[i].revents != 0) TRY(read_stream(streams[i]));
    }
  }
  return {};
}

// A file, not a pipe: nobody needs to write while the command reads, and a command that doesn't read hurts nobody.
berth::Result<Fd> input_file(const std::string& input) {
  Fd file = TRY(sys::memfd("berth-input", MFD_CLOEXEC));
  TRY(sys::write_all(file.get(), input, "input of the command"));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return berth::fail(berth::Error::from_errno(errno, "lseek", "input of the command"));
  return file;
}

berth::Result<Output> capture_output(const runtime::Container& container, runtime::AttachRequest request,
                                     const std::string& input) {
  Output output;
  const Fd in = TRY(input_file(input));
  auto [out, out_end] = TRY(sys::make_pipe());
  auto [err, err_end] = TRY(sys::make_pipe());
  request.stdin_fd = in.get();
  request.stdout_fd = out_end.get();
  request.stderr_fd = err_end.get();
  const os::PidRef process = TRY(enter(container, request));
  out_end.reset();
  err_end.reset();
  std::array<Stream, 2> streams{Stream{std::move(out), &output.out}, Stream{std::move(err), &output.err}};
  const auto read = read_streams(streams);
  output.status = ExitStatus(TRY(process.reap()));
  TRY(read);
  return output;
}

}  // namespace

inline namespace v0 {

Process::Process(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

pid_t Process::pid() const noexcept { return impl_ ? impl_->process.pid() : -1; }
int Process::descriptor() const noexcept { return impl_ ? impl_->process.pidfd() : -1; }

Result<ExitStatus> Process::wait() {
  return bordered([&]() -> berth::Result<ExitStatus> {
    if (!impl_) return berth::fail(moved_from());
    if (!impl_->ended) impl_->ended = ExitStatus(TRY(impl_->process.reap()));
    return *impl_->ended;
  });
}

Result<std::optional<ExitStatus>> Process::try_wait() {
  return bordered([&]() -> berth::Result<std::optional<ExitStatus>> {
    if (!impl_) return berth::fail(moved_from());
    if (impl_->ended) return impl_->ended;
    if (const auto status = TRY(impl_->process.try_reap())) impl_->ended = ExitStatus(*status);
    return impl_->ended;
  });
}

Status Process::signal(int number) const {
  return bordered([&]() -> berth::Status { return impl_ ? impl_->process.signal(number) : berth::fail(moved_from()); });
}

Result<ExitStatus> Container::run(const std::vector<std::string>& command, const AttachOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Result<ExitStatus> {
    return ExitStatus(TRY(TRY(enter(c, request_from(command, options))).reap()));
  });
}

Result<Process> Container::spawn(const std::vector<std::string>& command, const AttachOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Process> {
    return Process(std::make_unique<Process::Impl>(Process::Impl{TRY(enter(c, request_from(command, options)))}));
  });
}

Result<Output> Container::capture(const std::vector<std::string>& command, const std::string& input,
                                  const AttachOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Output> {
    auto request = request_from(command, options);
    request.terminal = false;
    return capture_output(c, std::move(request), input);
  });
}

Result<Process> Container::call(const std::function<int()>& function, const AttachOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Process> {
    if (!function) return berth::fail("no function to run in the container was given");
    std::function<int()> copy = function;
    auto attached = TRY(runtime::attach_call(c, request_from({}, options), {call_function, &copy}));
    return Process(std::make_unique<Process::Impl>(Process::Impl{std::move(attached.process)}));
  });
}

void Descriptor::reset(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace v0
}  // namespace berth::api
