// Runs in: a program that links libberth.
#include "api/boundary.hpp"

#include <cerrno>
#include <exception>
#include <new>

#include "base/strings.hpp"
#include "runtime/own_library.hpp"

namespace berth::api {
namespace {

// The library's helpers are beside the library. At loading, when there is one thread.
[[gnu::constructor]] void find_own_place() { runtime::look_beside_library_of(reinterpret_cast<const void*>(&find_own_place)); }

std::string line_of(const Origin& origin) {
  if (!origin.known()) return {};
  const std::string place = origin.line == 0 ? origin.file : strings::cat(origin.file, ':', origin.line);
  return origin.text.empty() ? place : strings::cat(place, "  ", origin.text);
}

}  // namespace

Error exported(const berth::Error& error) {
  auto details = std::make_shared<Error::Details>();
  details->code = error.code();
  details->message = error.line();
  details->because = error.because();
  details->hint = error.hint();
  details->set_by = line_of(error.origin());
  details->output = error.output();
  details->rest = error.render({}, {}).substr(2);  // without ": "
  return Error(std::shared_ptr<const Error::Details>(std::move(details)));
}

berth::Error describe_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    return berth::Error::message(strings::cat("a bug of berth: ", std::string_view(exception.what())), EIO);
  } catch (...) {
    return berth::Error::message("a bug of berth: an exception without a text", EIO);
  }
}

berth::Error moved_from() {
  return berth::Error::message("this object was moved from", EBADF).hint("use the one that it was moved to");
}

// --- Error -----------------------------------------------------------------------------------------------------------------

inline namespace v0 {

Error::Error(int code, std::string message, std::string hint)
    : Error(exported(berth::Error::message(message, code).hint(hint))) {}
Error::Error(const Error&) noexcept = default;
Error& Error::operator=(const Error&) noexcept = default;
Error::~Error() = default;

int Error::code() const noexcept { return details_->code; }
const std::string& Error::message() const noexcept { return details_->message; }
const std::string& Error::because() const noexcept { return details_->because; }
const std::string& Error::hint() const noexcept { return details_->hint; }
const std::string& Error::set_by() const noexcept { return details_->set_by; }
const std::string& Error::output() const noexcept { return details_->output; }

std::string Error::text(const std::string& program, const std::string& subject) const {
  if (subject.empty()) return strings::cat(program, ": ", details_->rest);
  return strings::cat(program, ": ", subject, ": ", details_->rest);
}

}  // namespace v0
}  // namespace berth::api
