// Runs in: a program that links liblxc.
#include "capi/handle.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>

#include "base/strings.hpp"
#include "capi/log.hpp"
#include "config/parser.hpp"

namespace berth::capi {

Result<runtime::Container> Handle::container() {
  const std::lock_guard lock(mutex);
  auto result = TRY(runtime::Container::open(text_of(face.name), text_of(face.config_path)));
  const std::string file = text_of(face.configfile);
  if (!file.empty() && file != result.config_file()) result.use_config_file(file);
  result.set_timeout(face.rcv_timeout);
  return result;
}

std::optional<config::Conf> Handle::configuration() {
  const std::lock_guard lock(mutex);
  if (face.lxc_conf == nullptr) return std::nullopt;
  return face.lxc_conf->conf;
}

config::Conf& Handle::mutable_configuration() {
  if (face.lxc_conf == nullptr) face.lxc_conf = new lxc_conf;
  return face.lxc_conf->conf;
}

void Handle::note(const Error& error) {
  const std::lock_guard lock(mutex);
  write_log(text_of(face.name), error);
  char* text = copy_text(error.render("liblxc", text_of(face.name)));
  std::swap(face.error_string, text);
  std::free(text);
}

void Handle::set_error_number(int number) {
  const std::lock_guard lock(mutex);
  face.error_num = number;
}

char* copy_text(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

char* copy_text(const char* text) { return text == nullptr ? nullptr : copy_text(std::string_view(text)); }

void note_globally(const Error& error) { write_log({}, error); }

Error describe_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Error::message("there is not enough memory", ENOMEM);
  } catch (const std::exception& exception) {
    return Error::message(strings::cat("a bug of berth: ", std::string_view(exception.what())), EIO);
  } catch (...) {
    return Error::message("a bug of berth: an exception without a text", EIO);
  }
}

int give_text(std::string_view text, char* buffer, int size) {
  if (buffer != nullptr && size > 0) {
    const std::size_t room = static_cast<std::size_t>(size) - 1;
    const std::size_t count = std::min(room, text.size());
    std::memcpy(buffer, text.data(), count);
    buffer[count] = '\0';
  }
  return static_cast<int>(text.size());
}

}  // namespace berth::capi
