// Runs in: a program that links liblxc.
#include "capi/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>

#include "base/fd.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::capi {
namespace {

constexpr mode_t kLogMode = 0640;

struct State {
  std::mutex mutex;
  bool ready = false;  // lxc_log_init was called
  bool quiet = true;
  log::Level threshold = log::Level::kError;
  std::string prefix;
  Fd file;
};

// Never destroyed: other threads may log while the program ends.
State& state() {
  static State& instance = *new State;
  return instance;
}

Result<Fd> open_file(const lxc_log& wanted) {
  const std::string path = text_of(wanted.file);
  if (path.empty() || path == "none") return Fd();
  return TRY_CONTEXT(sys::open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, kLogMode), "opening the log file");
}

Result<log::Level> parse_threshold(const lxc_log& wanted) {
  if (wanted.level == nullptr) return log::Level::kError;
  if (const auto level = log::parse_level(wanted.level)) return *level;
  return fail(Error::message(strings::cat("'", std::string_view(wanted.level), "' is no log level"))
                  .hint("TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRIT, ALERT and FATAL are"));
}

// 0, or a negative errno.
Result<int> begin(const lxc_log& wanted) {
  State& current = state();
  const std::lock_guard lock(current.mutex);
  if (current.ready) return 0;
  const log::Level threshold = TRY(parse_threshold(wanted));
  current.file = TRY(open_file(wanted));
  current.threshold = threshold;
  current.quiet = wanted.quiet;
  current.prefix = wanted.prefix != nullptr ? wanted.prefix : "lxc";
  current.ready = true;
  log::set_sink({current.file.get(), current.threshold, current.prefix, text_of(wanted.name)});
  return 0;
}

}  // namespace

void write_log(const std::string& container, const Error& error) {
  State& current = state();
  const std::lock_guard lock(current.mutex);
  if (!current.ready || current.threshold > log::Level::kError) return;
  if (current.file) {
    log::write(log::Level::kError, "liblxc", container.empty() ? error.line() : strings::cat(container, ": ", error.line()));
  }
  if (current.quiet) return;
  [[maybe_unused]] const Status shown =
      sys::write_all(STDERR_FILENO, error.render(current.prefix, container), "standard error");  // nobody else to tell
}

}  // namespace berth::capi

extern "C" {

int lxc_log_init(lxc_log* log) {
  if (log == nullptr) return -EINVAL;
  return berth::capi::guarded_globally(-1, [&] { return berth::capi::begin(*log); });
}

void lxc_log_close() {
  berth::capi::State& current = berth::capi::state();
  const std::lock_guard lock(current.mutex);
  berth::log::set_sink({});
  current.file.reset();
  current.quiet = true;
  current.ready = false;
}
}
