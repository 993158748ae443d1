// A kernel that records calls and answers from a script: lets privileged steps run without root.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sys/raw.hpp"

namespace berth::test {

struct Call {
  long number;
  long words[6];
};

class FakeKernel {
 public:
  using Answer = std::function<long(const Call&)>;
  explicit FakeKernel(Answer answer) : answer_(std::move(answer)), scope_(&FakeKernel::dispatch) { current_ = this; }
  ~FakeKernel() { current_ = nullptr; }
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }
  [[nodiscard]] unsigned count(long number) const {
    unsigned total = 0;
    for (const Call& call : calls_) total += call.number == number ? 1 : 0;
    return total;
  }

 private:
  static long dispatch(long number, long a, long b, long c, long d, long e, long f) {
    const Call call{number, {a, b, c, d, e, f}};
    current_->calls_.push_back(call);
    return current_->answer_(call);
  }

  static inline FakeKernel* current_ = nullptr;
  Answer answer_;
  std::vector<Call> calls_;
  sys::raw::ScopedDispatch scope_;
};

}  // namespace berth::test
