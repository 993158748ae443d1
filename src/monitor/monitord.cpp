// Runs in: berth-monitord.
#include "monitor/monitord.hpp"

#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "os/rundir.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::monitor {
namespace {

constexpr mode_t kFifoMode = 0600;
constexpr int kBacklog = 100;
constexpr int kAttempts = 5;

// LXC's lock, which is the process's; it goes with the process.
Status lock_whole(int fd, const std::string& path) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const long locked = sys::raw::call(SYS_fcntl, fd, F_SETLK, &lock);
  if (locked < 0) return fail(Error::from_errno(static_cast<int>(-locked), "lock", path));
  return {};
}

Result<Fd> open_fifo(int directory, const std::string& path) {
  const std::string name(runtime::kMonitorFifo);
  const long made = sys::raw::call(SYS_mknodat, directory, name.c_str(), S_IFIFO | kFifoMode, 0);
  if (made < 0 && made != -EEXIST) return fail(Error::from_errno(static_cast<int>(-made), "mkfifo", path));
  Fd fifo = TRY(sys::open_at(directory, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
  const struct ::stat info = TRY(sys::stat_fd(fifo.get()));
  const bool ours = info.st_uid == 0 || info.st_uid == sys::effective_uid();
  if (S_ISFIFO(info.st_mode) && ours && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return fifo;
  return fail(Error::from_errno(EPERM, "open", path).because("it is no fifo of this user's that is closed to others"));
}

// One that ends just now may take the fifo away between our opening and our lock.
bool is_still(const Fd& fifo, const std::string& path) {
  const auto opened = sys::stat_fd(fifo.get());
  const auto there = sys::stat_link(path);
  return opened && there && opened->st_ino == there->st_ino && opened->st_dev == there->st_dev;
}

}  // namespace

Result<MonitordEnds> open_monitord_ends(const std::string& lxcpath) {
  const std::string path = TRY(runtime::monitor_fifo(lxcpath));
  const Fd directory = TRY(os::ensure_private_directory(TRY(os::run_directory()), runtime::monitord_directory(lxcpath)));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Fd fifo = TRY(open_fifo(directory.get(), path));
    TRY(lock_whole(fifo.get(), path));
    if (!is_still(fifo, path)) continue;
    Fd listener = TRY(sys::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    TRY(sys::bind_abstract(listener.get(), runtime::monitord_socket_name(lxcpath)));
    TRY(sys::listen(listener.get(), kBacklog));
    return MonitordEnds{std::move(fifo), std::move(listener), path};
  }
  return fail(Error::from_errno(EAGAIN, "lock", path));
}

struct Monitord::Client {
  Fd socket;
  Callback watcher;
  Client(Monitord& owner, Fd connected) : socket(std::move(connected)), watcher([this, &owner] { owner.on_client(*this); }) {}
};

Monitord::Monitord(Loop loop, MonitordEnds ends, int idle_ms)
    : loop_(std::move(loop)),
      ends_(std::move(ends)),
      idle_ms_(idle_ms),
      fifo_watcher_([this] { on_fifo(); }),
      listener_watcher_([this] { on_connection(); }),
      signal_watcher_([this] { over_ = true; }),
      idle_watcher_([this] { over_ = true; }) {}

// The fifo goes while its lock is held and its name is ours.
Monitord::~Monitord() {
  if (!ends_.fifo_path.empty()) [[maybe_unused]]
    const Status ignored = sys::unlink(ends_.fifo_path);
}

Status Monitord::watch() {
  TRY(loop_.watch(ends_.fifo.get(), EPOLLIN, fifo_watcher_));
  TRY(loop_.watch(ends_.listener.get(), EPOLLIN, listener_watcher_));
  TRY(watch_signals());
  await_client();
  return {};
}

Status Monitord::watch_signals() {
  sigset_t mask;
  ::sigemptyset(&mask);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaddset(&mask, signal);
  TRY(sys::block_signals(mask));
  signals_ = TRY(sys::signal_fd(mask));
  return loop_.watch(signals_.get(), EPOLLIN, signal_watcher_);
}

void Monitord::await_client() {
  if (clients_.empty())
    loop_.set_timer(idle_ms_, idle_watcher_);
  else
    loop_.cancel_timer();
}

void Monitord::run() {
  while (!over_) step();
}

void Monitord::step() {
  if (!loop_.step()) over_ = true;
}

void Monitord::on_connection() {
  auto socket = sys::accept(ends_.listener.get());
  if (!socket || clients_.size() >= kMostClients) return;
  const auto peer = sys::peer_credentials(socket->get());
  if (!peer || (peer->uid != 0 && peer->uid != sys::effective_uid())) return;  // hung up on
  Client& client = *clients_.emplace_back(std::make_unique<Client>(*this, std::move(*socket)));
  if (!loop_.watch(client.socket.get(), EPOLLIN | EPOLLRDHUP, client.watcher)) drop(client);
  await_client();
}

void Monitord::on_client(Client& client) {
  char word[16];
  const auto said = sys::receive(client.socket.get(), std::as_writable_bytes(std::span(word)), MSG_DONTWAIT);
  if (!said && said.error().code() == EAGAIN) return;
  if (said && std::string_view(word, said->bytes) == runtime::kMonitordQuit) over_ = true;
  drop(client);
}

void Monitord::drop(Client& client) {
  loop_.forget(client.socket.get());
  std::erase_if(clients_, [&client](const auto& one) { return one.get() == &client; });
  await_client();
}

void Monitord::on_fifo() {
  char buffer[16 * sizeof(runtime::StateMessage)];
  const auto count = sys::read_some(ends_.fifo.get(), buffer, ends_.fifo_path);
  if (!count) return;
  for (const runtime::StateMessage& message : reader_.feed({buffer, *count})) hand_on(message);
}

// Who has stopped reading loses its place: what it would miss can't be told later.
void Monitord::hand_on(const runtime::StateMessage& message) {
  std::vector<Client*> lost;
  for (const auto& client : clients_) {
    const long sent =
        sys::raw::call(SYS_sendto, client->socket.get(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
    if (sent != static_cast<long>(sizeof message)) lost.push_back(client.get());
  }
  for (Client* client : lost) drop(*client);
}

}  // namespace berth::monitor
