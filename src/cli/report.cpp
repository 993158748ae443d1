// Runs in: host commands.
#include "cli/report.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "config/global.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

constexpr mode_t kLogMode = 0640;
constexpr std::string_view kDefaultLxcpath = "/var/lib/lxc";

// Where LXC logs when a level but no file is given.
Result<std::string> default_log_file(const Common& options) {
  const std::string lxcpath = TRY(lxcpath_of(options));
  const std::string name = options.name.empty() ? options.log_program : options.name;
  if (::geteuid() == 0 && lxcpath == kDefaultLxcpath) return strings::cat("/var/log/lxc/", name, ".log");
  return strings::cat(lxcpath, '/', name, '/', name, ".log");
}

}  // namespace

void report(const Common& options, const Error& error) {
  log::write(log::Level::kError, "cli", error.line());
  if (options.quiet) return;
  print_error(error.render(options.program, options.name));
}

void notice(const Common& options, std::string_view text) {
  if (options.quiet) return;
  print_error(strings::cat(options.program, ": ", options.name, options.name.empty() ? "" : ": ", text, "\n"));
}

namespace {

constexpr std::size_t kWrittenAtOnce = 64 << 10;  // bytes

struct Output {
  std::string pending;
  Status written;  // the first failure; what comes after it is dropped
};

Output& output() {
  static Output instance;
  return instance;
}

void write_pending() {
  Output& out = output();
  if (out.written && !out.pending.empty()) out.written = sys::write_all(STDOUT_FILENO, out.pending, "standard output");
  out.pending.clear();
}

}  // namespace

void print(std::string_view text) {
  output().pending.append(text);
  if (output().pending.size() >= kWrittenAtOnce) write_pending();
}

void print_error(std::string_view text) {
  write_pending();
  // Nobody is left to be told when this fails.
  [[maybe_unused]] const Status ignored = sys::write_all(STDERR_FILENO, text, "standard error");
}

Status end_output() {
  write_pending();
  return std::exchange(output().written, Status{});
}

int finish(const Common& options, int status) {
  const Status written = end_output();
  if (written) return status;
  report(options, written.error());
  return status == 0 ? kExitFailure : status;
}

Status open_log(const Common& options) {
  if (options.log_file.empty() && options.log_level.empty()) return {};
  log::Sink sink;
  if (!options.log_level.empty()) {
    const auto level = log::parse_level(options.log_level);
    if (!level) {
      return fail(Error::message(strings::cat("'", options.log_level, "' is not a log priority"))
                      .hint("TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRIT, ALERT or FATAL"));
    }
    sink.threshold = *level;
  }
  if (options.log_file == "none") return {};
  const bool asked = !options.log_file.empty();
  const std::string path = asked ? options.log_file : TRY(default_log_file(options));
  // A file that was named may be a link (/dev/stderr); the default one may lie where others can put links.
  const int follow = asked ? 0 : O_NOFOLLOW;
  auto file = sys::open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC | follow, kLogMode);
  // The directory of the default log file need not exist (a container that is not there yet).
  if (!file && !asked && file.error().code() == ENOENT) return {};
  if (!file) return fail(std::move(file.error()).context("opening the log file"));
  sink.fd = file->release();  // until the process ends
  sink.prefix = options.log_program;
  sink.name = options.name;
  log::set_sink(std::move(sink));
  return {};
}

Result<std::string> lxcpath_of(const Common& options) {
  if (options.lxcpath.empty()) return config::global_item("lxc.lxcpath");
  std::string_view path = options.lxcpath;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

Result<runtime::Container> open_container(const Common& options) {
  auto container = TRY(runtime::Container::open(options.name, TRY(lxcpath_of(options))));
  if (!options.rcfile.empty()) container.use_config_file(options.rcfile);
  return container;
}

Error no_such_container(const runtime::Container& container) {
  Error error = Error::message("no such container", ENOENT);
  if (const auto file = sys::stat(container.config_file()); !file && file.error().code() != ENOENT) {
    return Error(file.error())
        .context("the container cannot be looked at")
        .hint("run the command as the owner of the containers, or as root");
  }
  return std::move(error)
      .because(strings::cat(container.config_file(), " does not exist"))
      .hint(strings::cat("lxc-ls -P ", container.lxcpath(), " lists the containers; lxc-create makes one"));
}

Result<runtime::Container> existing_container(const Common& options) {
  auto container = TRY(open_container(options));
  if (!container.defined() && !TRY(container.client().reachable())) return fail(no_such_container(container));
  return container;
}

Status refuse_more_arguments(const Common& options, std::size_t most) {
  if (options.arguments.size() <= most) return {};
  return fail(Error::message(strings::cat("'", options.arguments[most], "' is one argument too many"))
                  .hint("name one container at a time"));
}

Error not_running(const runtime::Container& container) {
  return Error::message("not running", ECONNREFUSED)
      .hint(strings::cat("start it: lxc-start -P ", strings::shell_quote(container.lxcpath()), " -n ",
                         strings::shell_quote(container.name())));
}

}  // namespace berth::cli
