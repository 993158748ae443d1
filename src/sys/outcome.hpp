// Turns the number that a raw call returned into a Result. Private to the sys layer.
#pragma once

#include <cerrno>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "sys/raw.hpp"

namespace berth::sys::detail {

// Repeats a call that a signal interrupted.
template <typename... Args>
long retry(long number, Args... args) {
  long result = 0;
  do {
    result = raw::call(number, args...);
  } while (result == -EINTR);
  return result;
}

inline std::unexpected<Error> refusal(long result, std::string_view operation, std::string_view object) {
  return fail(Error::from_errno(static_cast<int>(-result), operation, object));
}

inline Status status(long result, std::string_view operation, std::string_view object = {}) {
  if (result < 0) return refusal(result, operation, object);
  return {};
}

inline Result<Fd> owned(long result, std::string_view operation, std::string_view object = {}) {
  if (result < 0) return refusal(result, operation, object);
  return Fd(static_cast<int>(result));
}

}  // namespace berth::sys::detail
