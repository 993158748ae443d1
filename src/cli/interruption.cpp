// Runs in: host commands.
#include "cli/interruption.hpp"

#include <signal.h>

#include <array>
#include <atomic>

namespace berth::cli {
namespace {

constexpr auto kSignals = std::to_array<int>({SIGINT, SIGTERM, SIGHUP});

std::atomic<bool> flag = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

std::array<struct ::sigaction, kSignals.size()> before{};

void on_signal(int signal) {
  if (!flag.exchange(true)) return;
  // Nobody can be told of a failure here; the signal is blocked until the handler returns.
  struct ::sigaction standard{};
  standard.sa_handler = SIG_DFL;
  (void)::sigaction(signal, &standard, nullptr);
  (void)::raise(signal);
}

// A handler, where SIG_IGN would do: exec forgets it.
void on_closed_pipe(int) {}

}  // namespace

PipeErrors::PipeErrors() {
  struct ::sigaction ours{};
  ours.sa_handler = on_closed_pipe;
  ours.sa_flags = SA_RESTART;
  (void)::sigaction(SIGPIPE, &ours, &before_);  // can't fail for it
}

PipeErrors::~PipeErrors() { (void)::sigaction(SIGPIPE, &before_, nullptr); }

Interruption::Interruption() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    // Neither call can fail for these signals.
    (void)::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler == SIG_IGN) continue;
    struct ::sigaction ours{};
    ours.sa_handler = on_signal;
    ours.sa_flags = SA_RESTART;
    (void)::sigaction(kSignals[i], &ours, nullptr);
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) (void)::sigaction(kSignals[i], &before[i], nullptr);
}

bool interrupted() { return flag; }

}  // namespace berth::cli
