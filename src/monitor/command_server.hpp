// LXC's command socket, server side: connections, framing, access, subscribers. What commands mean is CommandHandler's.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "monitor/loop.hpp"
#include "runtime/command_protocol.hpp"

namespace berth::monitor {

class Connection;

// One request, complete and within bounds. `argument` is the scalar that travels in the data field when there is no data.
struct Request {
  runtime::Command command;
  std::uint64_t argument;
  std::string_view data;
  Connection& connection;
  Fd* descriptor = nullptr;  // of the command that brings one: never null there, may be taken
};

struct Reply {
  enum class Then {
    kClose,   // send the reply, then close
    kKeep,    // send the reply; the connection stays open for as long as the client wants (lease, subscription)
    kSilent,  // no reply; the connection stays open until this process ends (stop)
    kLater,   // CommandServer::answer() will be called
  };
  std::int32_t result = 0;
  std::uint64_t value = 0;  // scalar result; sent in the data field
  std::string data;
  std::vector<int> descriptors;  // duplicated by sending; not owned
  std::vector<Fd> owned;         // keeps them open until then
  Then then = Then::kClose;

  static Reply error(int code);
  static Reply number(std::uint64_t value);
  // Text travels with its terminating NUL.
  static Reply text(std::string_view text);
  static Reply descriptor(int fd, std::uint64_t value = 0);
};

class CommandHandler {
 public:
  virtual Reply on_command(const Request& request) = 0;
  // The client of a kKeep or kLater connection is gone.
  virtual void on_disconnect(Connection& connection) = 0;

 protected:
  ~CommandHandler() = default;
};

class CommandServer final : private Watcher {
 public:
  CommandServer(Loop& loop, CommandHandler& handler);
  ~CommandServer();

  // Error with code EADDRINUSE: another monitor serves this container.
  Status listen(std::string_view address);
  // Takes over a connected socket. listen() and tests use it.
  Status adopt(Fd socket);

  // What listens; -1: nothing does.
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  // Hangs up on everybody.
  void close();

  // Subscribes the connection: wanted[state] != 0 = tell once.
  void subscribe(Connection& connection, const std::array<std::int32_t, runtime::kStates>& wanted);
  void notify(runtime::State state, std::string_view name);
  // The reply of a kLater connection.
  void answer(Connection& connection, const Reply& reply);

  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  friend class Connection;
  void on_ready(std::uint32_t events) override;
  void drop(Connection& connection);
  void pause(bool paused);
  void wait_for_descriptors();

  Loop& loop_;
  CommandHandler& handler_;
  Fd socket_;
  bool paused_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;
};

// One client. Reads and writes what is possible at once, never waits.
class Connection final : private Watcher {
 public:
  Connection(CommandServer& server, Fd socket) : server_(server), socket_(std::move(socket)) {}
  ~Connection();

 private:
  friend class CommandServer;
  // These tell false for a connection that must be dropped.
  bool start();
  bool await();  // has the loop watch for what the phase needs
  void on_ready(std::uint32_t events) override;
  bool read_request();
  bool read_part(char* to, std::size_t wanted, std::size_t& have);
  bool complete();
  bool serve(std::string_view data);
  bool begin_reply(const Reply& reply);
  bool write_reply();
  [[nodiscard]] bool allowed() const;
  [[nodiscard]] bool brings_descriptor() const;

  CommandServer& server_;
  Fd socket_;
  std::uint32_t awaited_ = 0;  // EPOLL* bits; 0 = not watched
  enum class Phase { kRequest, kData, kReply, kIdle } phase_ = Phase::kRequest;
  runtime::CommandRequest request_{};
  std::size_t request_have_ = 0;
  std::string data_;
  std::size_t data_have_ = 0;
  Fd descriptor_;  // behind the request of the command that brings one
  bool has_credentials_ = false;
  ucred credentials_{};
  std::string out_;
  std::size_t sent_ = 0;
  std::vector<Fd> descriptors_;
  bool close_after_ = true;
  bool engaged_ = false;  // the handler must hear of its end
  std::array<std::int32_t, runtime::kStates> wanted_{};
};

}  // namespace berth::monitor
