// Calls of the container that its seccomp policy has notified: handed to the program at lxc.seccomp.notify.proxy, whose answers
// go back to the kernel. LXC's protocol; nothing here waits for that program.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "child/blob.hpp"
#include "monitor/commands.hpp"
#include "monitor/loop.hpp"

namespace berth::monitor {

class SeccompProxy final {
 public:
  SeccompProxy(const child::BlobView& blob, Loop& loop, const Container& container);
  ~SeccompProxy() { stop(); }

  // The container's own listener. Without a proxy it is left to whoever asks for it (command get_seccomp_notify_fd). Error: the
  // proxy can't be reached.
  Status start(Fd listener);
  // The listener of a process that has entered the container.
  Status add(Fd listener);
  // Its container is gone.
  void stop();
  // The container's own; -1 = none.
  [[nodiscard]] int listener() const { return own_.get(); }
  // Calls are received here: whoever else did so would take them away from the proxy.
  [[nodiscard]] bool receives() const { return !address_.empty(); }

 private:
  struct Sizes {
    std::uint16_t notification = 0, response = 0, data = 0;
  };
  class Listener final : public Watcher {
   public:
    Listener(SeccompProxy& owner, Fd descriptor) : owner_(owner), descriptor_(std::move(descriptor)) {}
    [[nodiscard]] int fd() const { return descriptor_.get(); }
    void on_ready(std::uint32_t events) override { owner_.on_event(*this, events); }

   private:
    SeccompProxy& owner_;
    Fd descriptor_;
  };
  // A call whose process waits for the proxy's answer.
  struct Pending {
    std::uint64_t id;
    Listener* listener;
    std::int64_t deadline;  // CLOCK_MONOTONIC ms
  };

  Status connect();
  void disconnect();
  void on_event(Listener& listener, std::uint32_t events);
  void take(Listener& listener);
  Status forward(const Listener& listener, const std::string& notification);
  void on_proxy();
  bool take_answer(std::string_view message);
  void on_late();
  void drop(const Listener& listener);
  void arm();
  void pause(bool paused);
  // As if the kernel had no such call: what a process is told when nobody decides.
  void refuse(const Listener& listener, std::uint64_t id) const;

  Loop& loop_;
  const Container& container_;
  std::string address_;  // as configured, without "unix:"; empty = no proxy
  std::string cookie_;
  Sizes sizes_;
  Fd own_, proxy_, timer_;
  Callback proxy_watcher_, timer_watcher_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::deque<Pending> pending_;  // oldest first
  bool paused_ = false;
};

}  // namespace berth::monitor
