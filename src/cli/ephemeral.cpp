// Runs in: the command lxc-copy.
#include "cli/ephemeral.hpp"

#include <signal.h>

#include <array>
#include <cerrno>
#include <span>

#include "base/log.hpp"
#include "cli/report.hpp"
#include "cli/start_options.hpp"
#include "runtime/attach.hpp"
#include "runtime/destroy.hpp"
#include "sys/random.hpp"

namespace berth::cli {
namespace {

constexpr int kShutdownSeconds = 60;
constexpr int kTries = 20;

Result<std::string> random_name(const std::string& source) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::array<unsigned char, 6> random{};
  TRY(sys::fill_random(std::as_writable_bytes(std::span(random))));
  std::string name = source + "_";
  for (const unsigned char value : random) name += kLetters[value % kLetters.size()];
  return name;
}

Result<runtime::Container> make_copy(const runtime::Container& source, runtime::CloneRequest request) {
  if (!request.name.empty()) return runtime::clone(source, request);
  for (int i = 1;; ++i) {
    request.name = TRY(random_name(source.name()));
    auto copy = runtime::clone(source, request);
    if (copy || copy.error().code() != EEXIST || i == kTries) return copy;
  }
}

// Part of the copy from its first moment: one that is ephemeral must not be left as a container that stays.
runtime::CloneRequest clone_request(const EphemeralRequest& request) {
  runtime::CloneRequest clone = request.clone;
  if (!request.keep) clone.added_lines.emplace_back("lxc.ephemeral", "1");
  for (const auto& entry : request.mounts) clone.added_lines.emplace_back("lxc.mount.entry", entry);
  return clone;
}

runtime::StartRequest start_request(const Common& options, bool foreground) {
  runtime::StartRequest request;
  request.foreground = foreground;
  request.program = options.log_program;
  request.log_file = absolute_path(options.log_file);
  if (const auto level = log::parse_level(options.log_level)) request.log_level = static_cast<unsigned>(*level);
  return request;
}

Result<int> run_inside(const Common& options, const runtime::Container& copy, const std::vector<std::string>& command) {
  runtime::AttachRequest request;
  request.command = command;
  request.environment.clear = true;
  auto outcome = runtime::attach(copy, request);
  if (outcome && outcome->failure) report(options, *outcome->failure);
  if (!TRY_CONTEXT(copy.shutdown(kShutdownSeconds), "cannot stop the copy")) TRY_CONTEXT(copy.kill(), "cannot stop the copy");
  if (!outcome) return fail(std::move(outcome.error()));
  return runtime::exit_code(outcome->status);
}

}  // namespace

Result<int> run_ephemeral(const Common& options, const runtime::Container& source, const EphemeralRequest& request) {
  const runtime::Container copy = TRY(make_copy(source, clone_request(request)));
  const bool foreground = request.foreground && request.command.empty();
  if (!options.quiet) print(strings::cat("Created ", copy.name(), " as clone of ", source.name(), "\n"));
  auto ready = end_output();  // init writes to the same terminal
  auto started = ready ? copy.start(start_request(options, foreground)) : fail(std::move(ready.error()));
  if (!started) {
    if (const auto removed = runtime::destroy(copy, {}); !removed) report(options, removed.error());
    return fail(std::move(started.error()).context("the copy is made and removed again"));
  }
  for (const std::string& warning : started->warnings) notice(options, warning);
  if (foreground) return runtime::exit_code(started->exit_status);
  return request.command.empty() ? Result<int>(0) : run_inside(options, copy, request.command);
}

}  // namespace berth::cli
