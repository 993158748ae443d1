// Runs in: the monitor.
#include "monitor/command_server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::monitor {

using runtime::CommandRequest;
using runtime::CommandResponse;

namespace {

constexpr std::string_view kCategory = "commands";
constexpr int kBacklog = 128;
// Waiting clients (lxc-wait, leases) each keep one connection; more than this wait in the kernel's queue.
constexpr std::size_t kMostConnections = 512;
constexpr std::size_t kMostDescriptors = 24;

bool may_command(const ucred& peer) {
  const auto own_uid = static_cast<uid_t>(sys::raw::call(SYS_geteuid));
  const auto own_gid = static_cast<gid_t>(sys::raw::call(SYS_getegid));
  return peer.uid == 0 || (peer.uid == own_uid && peer.gid == own_gid);
}

// One attempt: the answer fits into any socket's buffer.
void refuse(int socket) {
  CommandResponse response{};
  response.result = -EPERM;
  sys::raw::call(SYS_sendto, socket, &response, sizeof response, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
}

}  // namespace

Reply Reply::error(int code) {
  Reply reply;
  reply.result = -code;
  return reply;
}

Reply Reply::number(std::uint64_t value) {
  Reply reply;
  reply.value = value;
  return reply;
}

Reply Reply::descriptor(int fd, std::uint64_t value) {
  Reply reply;
  reply.value = value;
  reply.descriptors.push_back(fd);
  return reply;
}

Reply Reply::text(std::string_view text) {
  Reply reply;
  reply.data.assign(text);
  reply.data.push_back('\0');
  return reply;
}

// --- server --------------------------------------------------------------------------------------------------------------

CommandServer::CommandServer(Loop& loop, CommandHandler& handler) : loop_(loop), handler_(handler) {}

CommandServer::~CommandServer() {
  if (socket_) loop_.forget(socket_.get());
}

void CommandServer::close() {
  if (socket_) loop_.forget(socket_.get());
  socket_.reset();
  connections_.clear();
}

Status CommandServer::listen(std::string_view address) {
  socket_ = TRY(sys::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  // Inherited by accepted sockets: what a client sends before it is accepted carries its credentials too.
  TRY(sys::set_option(socket_.get(), SOL_SOCKET, SO_PASSCRED, 1));
  TRY(sys::bind_abstract(socket_.get(), address));
  TRY(sys::listen(socket_.get(), kBacklog));
  return loop_.watch(socket_.get(), EPOLLIN, *this);
}

Status CommandServer::adopt(Fd socket) {
  // Connections of others must not use up the places, not even without a request.
  if (const ucred peer = TRY(sys::peer_credentials(socket.get())); !may_command(peer)) {
    refuse(socket.get());
    return fail(strings::cat("refused a connection of user ", peer.uid), EPERM);
  }
  TRY(sys::set_option(socket.get(), SOL_SOCKET, SO_PASSCRED, 1));
  Connection& connection = *connections_.emplace_back(std::make_unique<Connection>(*this, std::move(socket)));
  if (!connection.start()) drop(connection);
  return {};
}

void CommandServer::pause(bool paused) {
  if (paused == paused_ || !socket_) return;
  paused_ = paused;
  loop_.change(socket_.get(), paused ? 0U : static_cast<std::uint32_t>(EPOLLIN), *this);
}

// Until a connection ends; without one, until somebody else of the host has closed something.
void CommandServer::wait_for_descriptors() {
  constexpr std::chrono::milliseconds kPause{20};
  if (connections_.empty())
    sys::sleep_for(kPause);
  else
    pause(true);
}

void CommandServer::on_ready(std::uint32_t) {
  auto client = sys::accept(socket_.get());
  const int code = client ? 0 : client.error().code();
  if (code == EMFILE || code == ENFILE) wait_for_descriptors();
  if (!client) return;
  if (auto adopted = adopt(std::move(*client)); !adopted) log::debug(kCategory, adopted.error().line());
  if (connections_.size() >= kMostConnections) pause(true);
}

void CommandServer::drop(Connection& connection) {
  const auto at =
      std::find_if(connections_.begin(), connections_.end(), [&](const auto& one) { return one.get() == &connection; });
  if (at == connections_.end()) return;
  const std::unique_ptr<Connection> ended = std::move(*at);
  connections_.erase(at);
  if (ended->engaged_) handler_.on_disconnect(*ended);
  pause(false);
}

void CommandServer::subscribe(Connection& connection, const std::array<std::int32_t, runtime::kStates>& wanted) {
  connection.wanted_ = wanted;
}

void CommandServer::notify(runtime::State state, std::string_view name) {
  runtime::StateMessage message{};
  message.value = static_cast<std::int32_t>(state);
  std::memcpy(message.name, name.data(), std::min(name.size(), sizeof message.name - 1));
  std::vector<Connection*> told;
  for (const auto& connection : connections_) {
    if (connection->wanted_[static_cast<std::size_t>(state)] == 0) continue;
    // The message fits into any socket's buffer; a client whose buffer is full has stopped reading and loses its place.
    sys::raw::call(SYS_sendto, connection->socket_.get(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
    told.push_back(connection.get());
  }
  for (Connection* connection : told) drop(*connection);
}

void CommandServer::answer(Connection& connection, const Reply& reply) {
  connection.engaged_ = false;
  if (!connection.begin_reply(reply) || !connection.await()) drop(connection);
}

// --- connection ----------------------------------------------------------------------------------------------------------

Connection::~Connection() {
  if (awaited_ != 0) server_.loop_.forget(socket_.get());
}

// The request is mostly there already, and its answer fits into the socket: most connections are never watched.
bool Connection::start() { return read_request() && await(); }

bool Connection::await() {
  const std::uint32_t events = phase_ == Phase::kReply ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;
  const std::uint32_t before = std::exchange(awaited_, events);
  if (before == 0 && !server_.loop_.watch(socket_.get(), events, *this)) {
    awaited_ = 0;
    return false;
  }
  if (before != 0 && before != events) server_.loop_.change(socket_.get(), events, *this);
  return true;
}

void Connection::on_ready(std::uint32_t events) {
  bool alive = true;
  if (phase_ == Phase::kReply) {
    alive = (events & (EPOLLERR | EPOLLHUP)) == 0 && write_reply();
  } else if (phase_ == Phase::kIdle) {
    alive = false;  // a client that waits has nothing to say: its end of file, or a breach of the protocol
  } else {
    alive = read_request();
  }
  if (!alive || !await()) server_.drop(*this);
}

// Reads up to `wanted` bytes in all. False at end of file or on a failure; a short count is no failure.
bool Connection::read_part(char* to, std::size_t wanted, std::size_t& have) {
  const std::span<char> rest(to + have, wanted - have);
  auto received = sys::receive(socket_.get(), std::as_writable_bytes(rest), MSG_DONTWAIT);
  if (!received) return received.error().code() == EAGAIN;
  if (received->bytes == 0) return false;
  if (received->credentials) {
    has_credentials_ = true;
    credentials_ = *received->credentials;
  }
  if (phase_ == Phase::kData && brings_descriptor() && !received->descriptors.empty())
    descriptor_ = std::move(received->descriptors.front());
  have += received->bytes;
  return true;
}

bool Connection::read_request() {
  if (phase_ == Phase::kRequest) {
    if (!read_part(reinterpret_cast<char*>(&request_), sizeof request_, request_have_)) return false;
    if (request_have_ < sizeof request_) return true;
    if (request_.data_length < 0 || request_.data_length > runtime::kCommandDataMax) return false;
    if (request_.data_length == 0 && !brings_descriptor()) return complete();
    if (!allowed()) return begin_reply(Reply::error(EPERM));
    data_.resize(brings_descriptor() ? 1 : static_cast<std::size_t>(request_.data_length));
    phase_ = Phase::kData;
  }
  if (!read_part(data_.data(), data_.size(), data_have_)) return false;
  return data_have_ < data_.size() || complete();
}

// A message of its own behind the request: one byte that counts for nothing, and the descriptor.
bool Connection::brings_descriptor() const {
  return static_cast<runtime::Command>(request_.command) == runtime::Command::kSeccompNotifyAddListener &&
         request_.data_length == 0;
}

bool Connection::allowed() const { return has_credentials_ && may_command(credentials_); }

bool Connection::complete() {
  if (!allowed()) return begin_reply(Reply::error(EPERM));
  phase_ = Phase::kIdle;
  const std::string data = std::move(data_);
  data_.clear();
  return serve(data);
}

bool Connection::serve(std::string_view data) {
  const auto argument = data.empty() ? reinterpret_cast<std::uint64_t>(request_.data) : 0;
  const Reply reply =
      server_.handler_.on_command({static_cast<runtime::Command>(request_.command), argument, data, *this, &descriptor_});
  descriptor_.reset();
  engaged_ = reply.then != Reply::Then::kClose;
  if (reply.then == Reply::Then::kSilent || reply.then == Reply::Then::kLater) return true;
  return begin_reply(reply);
}

bool Connection::begin_reply(const Reply& reply) {
  CommandResponse response{};
  response.result = reply.result;
  response.data_length = static_cast<std::int32_t>(reply.data.size());
  response.data = reinterpret_cast<void*>(reply.value);
  out_.assign(reinterpret_cast<const char*>(&response), sizeof response);
  out_ += reply.data;
  for (const int fd : reply.descriptors) {
    auto copy = sys::duplicate(fd);
    if (!copy) return false;
    descriptors_.push_back(std::move(*copy));
  }
  close_after_ = reply.then != Reply::Then::kKeep;
  phase_ = Phase::kReply;
  return write_reply();
}

namespace {

// One sendmsg without waiting. Returns bytes or -errno.
long send_some(int socket, std::string_view data, const std::vector<Fd>& descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostDescriptors)] = {};
  iovec part{const_cast<char*>(data.data()), data.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const std::size_t count = std::min(descriptors.size(), kMostDescriptors);
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* first = CMSG_FIRSTHDR(&header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = descriptors[i].get();
      std::memcpy(CMSG_DATA(first) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  return sys::raw::call(SYS_sendmsg, socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

bool Connection::write_reply() {
  while (sent_ < out_.size()) {
    // Descriptors travel with the response's structure, alone: clients read that first.
    const std::size_t end = sent_ < sizeof(CommandResponse) ? sizeof(CommandResponse) : out_.size();
    const long count = send_some(socket_.get(), std::string_view(out_).substr(sent_, end - sent_), descriptors_);
    if (count == -EINTR) continue;
    if (count == -EAGAIN) return true;
    if (count <= 0) return false;
    descriptors_.clear();
    sent_ += static_cast<std::size_t>(count);
  }
  out_ = {};
  sent_ = 0;
  if (close_after_) return false;
  phase_ = Phase::kIdle;
  return true;
}

}  // namespace berth::monitor
