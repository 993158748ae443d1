// Runs in: the monitor.
#include "monitor/console.hpp"

#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::monitor {
namespace {

constexpr std::string_view kCategory = "console";

long control(int fd, unsigned long request, const void* argument) { return sys::raw::call(SYS_ioctl, fd, request, argument); }

Status set_nonblocking(int fd) {
  const long flags = sys::raw::call(SYS_fcntl, fd, F_GETFL, 0);
  const long set = flags < 0 ? flags : sys::raw::call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
  if (set < 0) return fail(Error::from_errno(static_cast<int>(-set), "fcntl", "console"));
  return {};
}

// A description of its own, so that non-blocking mode does not reach the other users of the caller's terminal.
Fd reopen(Fd terminal) {
  auto own = sys::open(strings::cat("/proc/self/fd/", terminal.get()), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  return own ? std::move(*own) : std::move(terminal);
}

Result<Fd> open_slave(int master) {
  const long slave = sys::raw::call(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (slave < 0) return fail(Error::from_errno(static_cast<int>(-slave), "ioctl", "TIOCGPTPEER"));
  return Fd(static_cast<int>(slave));
}

void complain(const Status& result) {
  if (!result) log::debug(kCategory, result.error().line());
}

}  // namespace

void Console::keep_history(std::size_t bytes) {
  if (bytes == 0) return;
  if (auto ring = RingBuffer::create(bytes)) ring_ = std::move(*ring);
}

Status Console::log_to(std::string path, std::uint64_t limit, bool rotate) {
  log_ = TRY(ConsoleLog::open(std::move(path), limit, rotate));
  return {};
}

Status Console::attach_terminal(Fd terminal) {
  terminal_ = std::make_unique<Stream>(loop_, *this, reopen(std::move(terminal)));
  TRY(set_nonblocking(terminal_->fd()));
  raw_mode_.emplace(TRY(os::RawTerminal::enter(terminal_->fd())));
  TRY(terminal_->start());
  resize();
  return {};
}

Status Console::attach_path(const std::string& path) {
  constexpr mode_t kMode = 0600;
  Fd file = TRY(sys::open(path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, kMode));
  if (!os::is_terminal(file.get())) {
    log_ = log_.active() ? std::move(log_) : TRY(ConsoleLog::open(path, 0, false));
    return {};
  }
  return attach_terminal(std::move(file));
}

Status Console::set_master(Fd master) {
  TRY(set_nonblocking(master.get()));
  slave_.reset();
  master_ = std::make_unique<Stream>(loop_, *this, std::move(master));
  if (!reopen_slave()) return fail(Error::from_errno(EIO, "ioctl", "TIOCGPTPEER"));
  if (terminal_) terminal_->pause(false);
  if (client_) client_->pause(false);
  resize();
  return master_->start();
}

bool Console::reopen_slave() {
  slave_.reset();
  auto slave = open_slave(master_->fd());
  if (!slave) return false;
  slave_ = std::move(*slave);
  pollfd state{master_->fd(), POLLIN, 0};
  const timespec now{};
  return sys::raw::call(SYS_ppoll, &state, 1, &now, nullptr, 8) >= 0 && (state.revents & POLLHUP) == 0;
}

void Console::set_ttys(std::vector<Fd> ttys) {
  ttys_.clear();
  add_ttys(std::move(ttys));
}

void Console::add_ttys(std::vector<Fd> ttys) {
  for (Fd& master : ttys) ttys_.push_back({.master = std::move(master)});
}

void Console::detach_container() {
  if (master_) {
    char buffer[4096];
    for (int rounds = 0; rounds < 64; ++rounds) {
      const long count = sys::raw::call(SYS_read, master_->fd(), buffer, sizeof buffer);
      if (count <= 0) break;
      from_container({buffer, static_cast<std::size_t>(count)});
    }
  }
  master_.reset();
  slave_.reset();
  ttys_.clear();
}

void Console::close() {
  detach_container();
  client_.reset();
  client_master_.reset();
  raw_mode_.reset();
  terminal_.reset();
}

void Console::resize() {
  winsize size{};
  if (!terminal_ || !master_ || control(terminal_->fd(), TIOCGWINSZ, &size) < 0) return;
  if (size.ws_row != 0 || size.ws_col != 0) control(master_->fd(), TIOCSWINSZ, &size);
}

Status Console::dump_history() {
  if (!log_.active()) return fail(Error::from_errno(ENOENT, "write", "console log file"));
  return log_.write(ring_.read());
}

// --- data ----------------------------------------------------------------------------------------------------------------

void Console::from_container(std::string_view data) {
  ring_.write(data);
  complain(log_.write(data));
  if (terminal_) terminal_->send(data);
  if (client_) client_->send(data);
  const bool slow = (terminal_ && terminal_->backed_up()) || (client_ && client_->backed_up());
  if (slow && master_) master_->pause(true);
}

void Console::on_input(Stream& from, std::string_view data) {
  if (is_master(from)) return from_container(data);
  if (!master_) return;
  master_->send(data);
  if (!master_ || !master_->backed_up()) return;
  if (terminal_) terminal_->pause(true);
  if (client_) client_->pause(true);
}

void Console::on_drained(Stream& stream) {
  if (is_master(stream)) {
    if (terminal_) terminal_->pause(false);
    if (client_) client_->pause(false);
    return;
  }
  const bool slow = (terminal_ && terminal_->backed_up()) || (client_ && client_->backed_up());
  if (!slow && master_) master_->pause(false);
}

void Console::on_hangup(Stream& stream) {
  if (is_master(stream)) {
    // vhangup() in the container cut our slave off.
    if (reopen_slave()) complain(master_->start());
    return;
  }
  on_drained(stream);
  if (client_.get() == &stream) client_master_.reset();
}

// --- leases --------------------------------------------------------------------------------------------------------------

Result<Console::Lease> Console::lease_console(const void* holder) {
  if (!master_) return fail(Error::from_errno(ENODEV, "tty", "console"));
  if (client_holder_ != nullptr) return fail(Error::from_errno(EBUSY, "tty", "console"));
  Fd master = TRY(sys::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  const int unlocked = 0;
  const long unlock = control(master.get(), TIOCSPTLCK, &unlocked);
  if (unlock < 0) return fail(Error::from_errno(static_cast<int>(-unlock), "ioctl", "TIOCSPTLCK"));
  Fd slave = TRY(open_slave(master.get()));
  TRY(os::make_raw(slave.get()));
  client_ = std::make_unique<Stream>(loop_, *this, std::move(slave));
  TRY(client_->start());
  client_master_ = std::move(master);
  client_holder_ = holder;
  return Lease{0, client_master_.get()};
}

Result<Console::Lease> Console::lease(int number, const void* holder) {
  if (number == 0) return lease_console(holder);
  if (number > 0 && static_cast<std::size_t>(number) > ttys_.size()) return fail(Error::from_errno(ENODEV, "tty", "number"));
  for (std::size_t i = 0; i < ttys_.size(); ++i) {
    const int candidate = static_cast<int>(i) + 1;
    if (ttys_[i].holder != nullptr || (number > 0 && candidate != number)) continue;
    ttys_[i].holder = holder;
    if (auto slave = open_slave(ttys_[i].master.get())) ttys_[i].slave = std::move(*slave);
    return Lease{candidate, ttys_[i].master.get()};
  }
  return fail(Error::from_errno(EBUSY, "tty", "number"));
}

void Console::release(const void* holder) {
  for (Tty& tty : ttys_) {
    if (tty.holder != holder) continue;
    tty.holder = nullptr;
    tty.slave.reset();
  }
  if (client_holder_ != holder) return;
  client_holder_ = nullptr;
  client_.reset();
  client_master_.reset();
  if (master_ && !(terminal_ && terminal_->backed_up())) master_->pause(false);
}

}  // namespace berth::monitor
