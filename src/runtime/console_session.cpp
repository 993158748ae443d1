// Runs in: the command or library caller.
#include "runtime/console_session.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "os/terminal.hpp"
#include "runtime/attach_terminal.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr std::size_t kChunk = 4096;

// Bytes read, 0 at the end. A pty whose other side is gone says EIO: also the end.
Result<std::size_t> read_some(int fd, std::array<char, kChunk>& buffer, std::string_view name) {
  for (;;) {
    const long count = sys::raw::call(SYS_read, fd, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (count == -EIO) return 0;
    if (count != -EINTR) return fail(Error::from_errno(static_cast<int>(-count), "read", name));
  }
}

Status copy_window(int from, int master) {
  const auto size = os::window_size(from);
  return size ? os::set_window_size(master, *size) : Status{};
}

class Session {
 public:
  Session(int master, const ConsoleDescriptors& user, SignalsAsEvents& signals, char escape)
      : master_(master), user_(user), signals_(signals), filter_(escape) {}

  Status run() {
    while (!over_) {
      std::array<pollfd, 3> fds = {pollfd{user_.in, POLLIN, 0}, pollfd{master_, POLLIN, 0}, pollfd{signals_.fd(), POLLIN, 0}};
      const long ready = sys::raw::call(SYS_ppoll, fds.data(), fds.size(), nullptr, nullptr, 0);
      if (ready == -EINTR) continue;
      if (ready < 0) return fail(Error::from_errno(static_cast<int>(-ready), "ppoll"));
      if (fds[1].revents != 0) TRY(show_output());
      if (fds[2].revents != 0) TRY(take_signal());
      if (!over_ && fds[0].revents != 0) TRY(pass_input());
    }
    return {};
  }

 private:
  Status pass_input() {
    std::array<char, kChunk> buffer;
    const std::size_t count = TRY(read_some(user_.in, buffer, "standard input"));
    std::string out;
    over_ = count == 0 || !filter_.feed({buffer.data(), count}, out);
    return out.empty() ? Status{} : sys::write_all(master_, out, "terminal of the container");
  }

  Status show_output() {
    std::array<char, kChunk> buffer;
    const std::size_t count = TRY(read_some(master_, buffer, "terminal of the container"));
    over_ = over_ || count == 0;
    return sys::write_all(user_.out, {buffer.data(), count}, "standard output");
  }

  Status take_signal() {
    while (const int signal = signals_.next()) {
      if (signal == SIGWINCH)
        TRY(copy_window(user_.out, master_));
      else
        over_ = true;
    }
    return {};
  }

  int master_;
  const ConsoleDescriptors& user_;
  SignalsAsEvents& signals_;
  EscapeFilter filter_;
  bool over_ = false;
};

}  // namespace

bool EscapeFilter::feed(std::string_view typed, std::string& out) {
  for (const char c : typed) {
    if (!pending_ && c == escape_) {
      pending_ = true;
      continue;
    }
    if (pending_ && c == 'q') return false;
    if (pending_ && c != escape_) out += escape_;
    pending_ = false;
    out += c;
  }
  return true;
}

Status run_console(int master, char escape, const ConsoleDescriptors& user) {
  SignalsAsEvents signals = TRY(SignalsAsEvents::take({SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT}));
  std::optional<os::RawTerminal> raw;
  if (os::is_terminal(user.in)) raw.emplace(TRY(os::RawTerminal::enter(user.in)));
  TRY(copy_window(user.out, master));
  const Status ended = Session(master, user, signals, escape).run();
  if (raw) {
    TRY(raw->restore());
    TRY(sys::write_all(user.err, "\n", "standard error"));
  }
  return ended;
}

}  // namespace berth::runtime
