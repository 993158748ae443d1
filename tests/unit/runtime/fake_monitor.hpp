// A monitor for tests: listens on the command socket of LXCPATH/NAME and answers as the test says.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include "runtime/command_protocol.hpp"
#include "sys/socket.hpp"

namespace berth::testing {

struct Answer {
  std::int32_t result = 0;
  std::int64_t scalar = 0;
  std::string data = {};
  std::vector<int> descriptors = {};
  bool close_instead = false;
  std::string later = {};  // sent after the response on the same connection (state messages)
};

class FakeMonitor {
 public:
  using Handler = std::function<Answer(runtime::Command command, std::int64_t scalar, const std::string& data)>;

  FakeMonitor(const std::string& lxcpath, const std::string& name, Handler handler) : handler_(std::move(handler)) {
    auto socket = sys::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listener_ = std::move(*socket);
    EXPECT_TRUE(sys::bind_abstract(listener_.get(), runtime::command_socket_name(lxcpath, name)));
    EXPECT_TRUE(sys::listen(listener_.get(), 8));
    EXPECT_EQ(::pipe2(end_, O_CLOEXEC), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeMonitor() {
    ::close(end_[1]);
    thread_.join();
    ::close(end_[0]);
  }
  [[nodiscard]] bool credentials_seen() const { return credentials_seen_; }

 private:
  void serve() {
    for (;;) {
      pollfd fds[2] = {{listener_.get(), POLLIN, 0}, {end_[0], POLLIN, 0}};
      ::poll(fds, 2, -1);
      if (fds[1].revents != 0) return listener_.reset();
      auto connection = sys::accept(listener_.get());
      if (connection) answer(std::move(*connection));
    }
  }

  void answer(Fd connection) {
    (void)sys::set_option(connection.get(), SOL_SOCKET, SO_PASSCRED, 1);
    runtime::CommandRequest request{};
    auto received = sys::receive(connection.get(), std::as_writable_bytes(std::span(&request, 1)), MSG_WAITALL);
    if (!received || received->bytes < sizeof request) return;
    if (received->credentials && received->credentials->pid == ::getpid()) credentials_seen_ = true;
    std::string data(static_cast<std::size_t>(request.data_length), '\0');
    if (!data.empty()) (void)sys::receive(connection.get(), std::as_writable_bytes(std::span(data)), MSG_WAITALL);
    const Answer made =
        handler_(static_cast<runtime::Command>(request.command), reinterpret_cast<std::intptr_t>(request.data), data);
    if (made.close_instead) return;
    runtime::CommandResponse response{};
    response.result = made.result;
    response.data_length = static_cast<std::int32_t>(made.data.size());
    response.data = reinterpret_cast<void*>(static_cast<std::intptr_t>(made.scalar));
    (void)sys::send(connection.get(), std::as_bytes(std::span(&response, 1)), made.descriptors);
    if (!made.data.empty()) (void)sys::send(connection.get(), std::as_bytes(std::span(made.data)));
    if (!made.later.empty()) (void)sys::send(connection.get(), std::as_bytes(std::span(made.later)));
    if (made.result == runtime::kStates) kept_.push_back(std::move(connection));
  }

  Handler handler_;
  Fd listener_;
  std::vector<Fd> kept_;
  int end_[2] = {-1, -1};
  std::atomic<bool> credentials_seen_ = false;
  std::thread thread_;
};

inline std::string state_message(runtime::State state) {
  runtime::StateMessage message{};
  message.value = static_cast<std::int32_t>(state);
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

// A lxcpath that no other test uses; nothing is made on disk.
inline std::string unique_lxcpath() {
  static std::atomic<int> count = 0;
  return "/berth-unit/" + std::to_string(::getpid()) + "-" + std::to_string(count++);
}

}  // namespace berth::testing
