// A system call again as long as signals interrupt it, and its refusal as an Error. For the files of this directory.
#pragma once

#include <cerrno>
#include <string_view>

#include "base/result.hpp"
#include "sys/raw.hpp"

namespace berth::storage {

template <typename... Arguments>
long retried(long number, Arguments... arguments) {
  long outcome = 0;
  do {
    outcome = sys::raw::call(number, arguments...);
  } while (outcome == -EINTR);
  return outcome;
}

inline std::unexpected<Error> refuse(long outcome, std::string_view operation, std::string_view path) {
  return fail(Error::from_errno(static_cast<int>(-outcome), operation, path));
}

inline Status check(long outcome, std::string_view operation, std::string_view path) {
  if (outcome >= 0) return {};
  return refuse(outcome, operation, path);
}

}  // namespace berth::storage
