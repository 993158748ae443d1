// Work that threads share: the newest first, so that a tree is gone through in depth and little waits at any time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace berth::storage {

template <typename Item>
class WorkStack {
 public:
  void push(Item item) {
    {
      const std::scoped_lock lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }
  // Ends what `item` holds and waits for another one. False: stopped, or nothing is left and nobody works who could push more.
  bool next(std::optional<Item>& item) {
    std::unique_lock lock(mutex_);
    if (item) --busy_;
    item.reset();
    while (!stopped_ && items_.empty() && busy_ != 0) changed_.wait(lock);
    if (stopped_ || items_.empty()) {
      changed_.notify_all();
      return false;
    }
    ++busy_;
    item = std::move(items_.back());
    items_.pop_back();
    return true;
  }
  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> items_;
  std::size_t busy_ = 0;
  bool stopped_ = false;
};

}  // namespace berth::storage
