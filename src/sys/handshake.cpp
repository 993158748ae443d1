// Runs in: every process that starts programs. No locks of the C library: there may be none.
#include "sys/handshake.hpp"

#include <atomic>
#include <chrono>

#include "sys/process.hpp"

namespace berth::sys {
namespace {

constexpr std::chrono::milliseconds kPause(1);
constexpr int kMostPauses = 2000;
constexpr int kCopying = -1;

// The number of open windows, or kCopying.
std::atomic<int> state{0};

bool try_open_window() {
  int now = state.load(std::memory_order_relaxed);
  while (now != kCopying) {
    if (state.compare_exchange_weak(now, now + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

bool try_begin_copy() {
  int none = 0;
  return state.compare_exchange_strong(none, kCopying, std::memory_order_acquire);
}

}  // namespace

HandshakeWindow::HandshakeWindow() {
  while (!try_open_window()) sleep_for(kPause);
}

HandshakeWindow::~HandshakeWindow() { state.fetch_sub(1, std::memory_order_release); }

CopyWindow::CopyWindow() {
  for (int pause = 0; pause < kMostPauses && !entered_; ++pause) {
    entered_ = try_begin_copy();
    if (!entered_) sleep_for(kPause);
  }
}

void CopyWindow::end_in_copy() { state.store(0, std::memory_order_release); }

CopyWindow::~CopyWindow() {
  if (entered_) state.store(0, std::memory_order_release);
}

}  // namespace berth::sys
