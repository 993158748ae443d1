// One end of a terminal connection: reads without waiting, writes without waiting and keeps what did not fit.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "monitor/loop.hpp"

namespace berth::monitor {

class Stream;

class StreamOwner {
 public:
  virtual void on_input(Stream& from, std::string_view data) = 0;
  virtual void on_drained(Stream& stream) = 0;  // all that was kept has been written
  virtual void on_hangup(Stream& stream) = 0;   // end of file or a failure; the stream is not watched any more

 protected:
  ~StreamOwner() = default;
};

class Stream final : private Watcher {
 public:
  // `fd` must be non-blocking.
  Stream(Loop& loop, StreamOwner& owner, Fd fd) : loop_(loop), owner_(owner), fd_(std::move(fd)) {}
  ~Stream();

  Status start();
  void send(std::string_view data);
  // While paused nothing is read, so that a slow reader on the other side slows the writer here down.
  void pause(bool paused);
  [[nodiscard]] bool backed_up() const { return !pending_.empty(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void on_ready(std::uint32_t events) override;
  void read_some();
  bool write_some();
  void update();
  void hang_up();

  Loop& loop_;
  StreamOwner& owner_;
  Fd fd_;
  std::string pending_;
  bool watched_ = false;
  bool paused_ = false;
  std::uint32_t interest_ = 0;
};

}  // namespace berth::monitor
