// A value, or why there is none.
#pragma once

#include <berth/export.hpp>

#include <expected>
#include <memory>
#include <string>
#include <utility>

namespace berth::api {
inline namespace v0 {

// Unchangeable; copies share its text, also between threads.
class [[nodiscard]] Error {
 public:
  // For programs whose own functions give a Result.
  BERTH_API Error(int code, std::string message, std::string hint = {});
  BERTH_API Error(const Error&) noexcept;
  BERTH_API Error& operator=(const Error&) noexcept;
  BERTH_API ~Error();

  // An errno: ENOENT, EBUSY, ETIMEDOUT. Of a container that does not run: ECONNREFUSED.
  [[nodiscard]] BERTH_API int code() const noexcept;
  // One line: what was tried, and what failed.
  [[nodiscard]] BERTH_API const std::string& message() const noexcept;
  // Why, where berth knows more than the kernel says; else empty.
  [[nodiscard]] BERTH_API const std::string& because() const noexcept;
  // The way out; else empty.
  [[nodiscard]] BERTH_API const std::string& hint() const noexcept;
  // The configuration line that asked for it, "FILE:LINE  KEY = VALUE"; else empty.
  [[nodiscard]] BERTH_API const std::string& set_by() const noexcept;
  // What a hook or a template that failed has printed; else empty.
  [[nodiscard]] BERTH_API const std::string& output() const noexcept;
  // All of it for a person, several lines that each end with '\n'; the first is "PROGRAM: SUBJECT: headline".
  [[nodiscard]] BERTH_API std::string text(const std::string& program, const std::string& subject = {}) const;

  struct Details;
  // The library's own; Details is not defined outside of it.
  explicit Error(std::shared_ptr<const Details> details) noexcept : details_(std::move(details)) {}

 private:
  std::shared_ptr<const Details> details_;  // never empty: there is no move, which would leave nothing behind
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

}  // namespace v0
}  // namespace berth::api
