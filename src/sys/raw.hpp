// The one door to the kernel. Every system call of berth passes through raw::dispatch, so a test can record, fake or fail
// the n-th call without privileges (raw::ScopedDispatch), and code between clone and exec needs nothing of libc.
// All functions here are async-signal-safe: no allocation, no errno, no locks. They return the result, or -errno.
#pragma once

#include <sys/syscall.h>

#include <cstdint>
#include <type_traits>

namespace berth::sys::raw {

using Dispatch = long (*)(long number, long a, long b, long c, long d, long e, long f);

// The real system call instruction.
long kernel(long number, long a, long b, long c, long d, long e, long f);

extern Dispatch dispatch;

namespace detail {
template <typename T>
constexpr long word(T value) {
  if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<long>(value);
  else if constexpr (std::is_null_pointer_v<T>)
    return 0;
  else
    return static_cast<long>(value);
}
}  // namespace detail

template <typename... Args>
inline long call(long number, Args... args) {
  static_assert(sizeof...(Args) <= 6);
  const long words[6] = {detail::word(args)...};
  return dispatch(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

// Replaces the dispatch for the life of the object. For tests.
class ScopedDispatch {
 public:
  explicit ScopedDispatch(Dispatch replacement) : previous_(dispatch) { dispatch = replacement; }
  ScopedDispatch(const ScopedDispatch&) = delete;
  ScopedDispatch& operator=(const ScopedDispatch&) = delete;
  ~ScopedDispatch() { dispatch = previous_; }

 private:
  Dispatch previous_;
};

}  // namespace berth::sys::raw
