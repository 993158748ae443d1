// Shows what happens to the containers of a lxcpath until one of them has stopped.
//   watch_states LXCPATH [NAME...]
#include <poll.h>
#include <berth/events.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

// False: that was the end.
bool show(const Event& event) {
  if (const ExitStatus* status = event.exit())
    std::printf("%s: init has ended with %d\n", event.container.c_str(), status->code());
  const State* state = event.state();
  if (state == nullptr) return true;
  std::printf("%s: %s\n", event.container.c_str(), std::string(to_string(*state)).c_str());
  return *state != State::kStopped;
}

// One of the descriptors that a program's own event loop looks after. next(0) until there is nothing more, then poll(2) again.
Status watch(Events& events) {
  pollfd entry{events.descriptor(), POLLIN, 0};
  while (::poll(&entry, 1, -1) >= 0) {
    while (true) {
      const auto event = events.next(std::chrono::milliseconds(0));
      if (!event) return std::unexpected(event.error());
      if (!*event) break;
      if (!show(**event)) return {};
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  auto events = Events::subscribe(argv[1], std::vector<std::string>(argv + 2, argv + argc));
  if (events) std::puts("watching");
  const Status ended = events ? watch(*events) : Status(std::unexpected(events.error()));
  if (ended) return 0;
  std::fputs(ended.error().text("watch_states").c_str(), stderr);
  return 1;
}
