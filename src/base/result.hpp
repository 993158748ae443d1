// Result<T>: a value or an Error. TRY(expr) yields the value or returns the Error to the caller.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.hpp"

namespace berth {

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }
inline std::unexpected<Error> fail(std::string_view text, int code = 22 /* EINVAL */) {
  return std::unexpected<Error>(Error::message(text, code));
}

// Adds one level of context to a failed result: `return with_context(do_it(), "reading the maps");`
template <typename T>
Result<T> with_context(Result<T> result, std::string_view what) {
  if (!result) return std::unexpected<Error>(std::move(result.error()).context(what));
  return result;
}

namespace detail {
template <typename T>
T take(Result<T>&& result) {
  static_assert(!std::is_reference_v<T>, "a Result holds values, not references");
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace detail

}  // namespace berth

#define TRY(...)                                                                          \
  __extension__({                                                                         \
    auto berth_try_result = (__VA_ARGS__);                                                \
    if (!berth_try_result) return ::std::unexpected(std::move(berth_try_result.error())); \
    ::berth::detail::take(std::move(berth_try_result));                                   \
  })

// TRY with one level of context added to the failure.
#define TRY_CONTEXT(expression, what)                                                                   \
  __extension__({                                                                                       \
    auto berth_try_result = (expression);                                                               \
    if (!berth_try_result) return ::std::unexpected(std::move(berth_try_result.error()).context(what)); \
    ::berth::detail::take(std::move(berth_try_result));                                                 \
  })
