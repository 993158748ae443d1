// Defer: runs a function at the end of the scope unless dismissed.
#pragma once

#include <utility>

namespace berth {

template <typename F>
class [[nodiscard]] Defer {
 public:
  explicit Defer(F function) : function_(std::move(function)) {}
  Defer(const Defer&) = delete;
  Defer& operator=(const Defer&) = delete;
  ~Defer() {
    if (armed_) function_();
  }
  void dismiss() noexcept { armed_ = false; }

 private:
  F function_;
  bool armed_ = true;
};

}  // namespace berth
