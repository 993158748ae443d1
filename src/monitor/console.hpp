// The container's console and ttys as the monitor holds them: ring buffer, log file, the caller's terminal, lxc-console.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitor/console_log.hpp"
#include "monitor/ring_buffer.hpp"
#include "monitor/stream.hpp"
#include "os/terminal.hpp"

namespace berth::monitor {

class Console final : public StreamOwner {
 public:
  explicit Console(Loop& loop) : loop_(loop) {}
  ~Console() { close(); }

  void keep_history(std::size_t bytes);
  Status log_to(std::string path, std::uint64_t limit, bool rotate);
  // The terminal of a foreground start: put into raw mode until close().
  Status attach_terminal(Fd terminal);
  // lxc.console.path: output is written to this file or terminal, input is read from it.
  Status attach_path(const std::string& path);

  // The container's side; replaces that of the life before a reboot.
  Status set_master(Fd master);
  void set_ttys(std::vector<Fd> ttys);
  void add_ttys(std::vector<Fd> ttys);
  // The container has ended: what it printed last is read, its descriptors are closed.
  void detach_container();
  // Restores the caller's terminal and closes everything.
  void close();

  // The size of the caller's terminal becomes that of the console.
  void resize();
  [[nodiscard]] const RingBuffer& history() const { return ring_; }
  void clear_history() { ring_.clear(); }
  // Writes the ring buffer to the log file. Error: ENOENT without a log file.
  Status dump_history();

  struct Lease {
    int number;
    int fd;  // not owned
  };
  // number > 0: that tty; -1: the first free one; 0: the console through a pty of its own.
  // Errors: EBUSY taken or none free, ENODEV no such tty or no console.
  Result<Lease> lease(int number, const void* holder);
  void release(const void* holder);

 private:
  struct Tty {
    Fd master;
    const void* holder = nullptr;
    Fd slave = {};  // open while somebody holds the lease: a getty that closes and opens the tty anew must not hang the holder up
  };
  void on_input(Stream& from, std::string_view data) override;
  void on_drained(Stream& stream) override;
  void on_hangup(Stream& stream) override;
  void from_container(std::string_view data);
  bool reopen_slave();  // false: the pty stays hung up
  Result<Lease> lease_console(const void* holder);
  [[nodiscard]] bool is_master(const Stream& stream) const { return master_.get() == &stream; }

  Loop& loop_;
  RingBuffer ring_;
  ConsoleLog log_;
  std::unique_ptr<Stream> master_;
  Fd slave_;  // held open, so that the master does not hang up while no process of the container has it open
  std::unique_ptr<Stream> terminal_;
  std::optional<os::RawTerminal> raw_mode_;
  std::unique_ptr<Stream> client_;  // our end of the pty that an lxc-console client of tty 0 has
  Fd client_master_;
  const void* client_holder_ = nullptr;
  std::vector<Tty> ttys_;
};

}  // namespace berth::monitor
