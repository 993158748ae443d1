// The border between a program and berth: failures become the program's Error, no exception but std::bad_alloc passes.
#pragma once

#include <berth/result.hpp>

#include <string>
#include <type_traits>
#include <utility>

#include "base/result.hpp"

namespace berth::api {
inline namespace v0 {

struct Error::Details {
  int code = 0;
  std::string message, because, hint, set_by, output;
  std::string rest;  // text() without "PROGRAM: SUBJECT: "
};

}  // namespace v0

Error exported(const berth::Error& error);
// Of the exception that is being handled; std::bad_alloc is thrown again.
berth::Error describe_exception();
berth::Error moved_from();

// Calls `body`, which gives a berth::Result<T>.
template <typename Body>
auto bordered(const Body& body) -> Result<typename std::invoke_result_t<Body>::value_type> {
  using T = typename std::invoke_result_t<Body>::value_type;
  auto result = [&]() -> berth::Result<T> {
    try {
      return body();
    } catch (...) {
      return berth::fail(describe_exception());
    }
  }();
  if (!result) return std::unexpected(exported(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

}  // namespace berth::api
