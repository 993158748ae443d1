// Runs in: the command lxc-copy.
#include "cli/ephemeral.hpp"

#include <signal.h>

#include <array>
#include <cerrno>
#include <span>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "cli/report.hpp"
#include "cli/start_options.hpp"
#include "runtime/attach.hpp"
#include "runtime/destroy.hpp"
#include "sys/file.hpp"
#include "sys/random.hpp"

namespace berth::cli {
namespace {

constexpr int kShutdownSeconds = 60;
constexpr int kTries = 20;

Result<std::string> random_letters() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::array<unsigned char, 6> random{};
  TRY(sys::fill_random(std::as_writable_bytes(std::span(random))));
  std::string letters;
  for (const unsigned char value : random) letters += kLetters[value % kLetters.size()];
  return letters;
}

// An overlay of the copy's own on a directory of the host.
struct OwnOverlay {
  std::string source, upper, work;
};

// What the copy needs beside the clone: lines of its configuration, and directories that they name.
struct Additions {
  std::vector<std::pair<std::string, std::string>> lines;
  std::vector<OwnOverlay> overlays;
};

// What the clone has written into the upper layer before (a host name) is taken along. The same line does for LXC.
std::string tmpfs_hook(const std::string& directory) {
  constexpr std::string_view kScript =
      "cd \"$1/delta\" && mount -n -t tmpfs -o mode=0755 tmpfs \"$1\" && cp -a . \"$1/delta\" && mkdir \"$1/work\"";
  return strings::cat("/bin/sh -c ", strings::shell_quote(kScript), " sh ", strings::shell_quote(directory + "/overlay"));
}

// Part of the copy from its first moment: one that is ephemeral must not be left as a container that stays.
Result<Additions> additions_of(const EphemeralRequest& request, const std::string& directory) {
  Additions added;
  if (!request.keep) added.lines.emplace_back("lxc.ephemeral", "1");
  if (request.tmpfs) added.lines.emplace_back("lxc.hook.pre-mount", tmpfs_hook(directory));
  for (const CopyMount& mount : request.mounts) {
    if (!mount.overlay) {
      added.lines.emplace_back("lxc.mount.entry", bind_entry(mount));
      continue;
    }
    const std::string letters = TRY(random_letters());
    OwnOverlay own{mount.source, strings::cat(directory, "/delta#", letters), strings::cat(directory, "/work#", letters)};
    added.lines.emplace_back("lxc.mount.entry", overlay_entry(mount, own.upper, own.work));
    added.overlays.push_back(std::move(own));
  }
  return added;
}

// The upper layer shows its own owner and permissions as those of the whole.
Status make_layers(const std::vector<OwnOverlay>& overlays) {
  constexpr mode_t kPermissions = 07777, kWorkMode = 0755;
  for (const OwnOverlay& own : overlays) {
    const auto like = TRY(sys::stat(own.source));
    for (const std::string* directory : {&own.upper, &own.work}) {
      TRY(sys::make_directory(*directory, kWorkMode));
      TRY(sys::chown(*directory, like.st_uid, like.st_gid));
    }
    TRY(sys::chmod(own.upper, like.st_mode & kPermissions));
  }
  return {};
}

Result<runtime::Container> clone_with(const runtime::Container& source, const EphemeralRequest& request,
                                      runtime::CloneRequest clone) {
  const std::string& lxcpath = clone.lxcpath.empty() ? source.lxcpath() : clone.lxcpath;
  const Additions added = TRY(additions_of(request, strings::cat(lxcpath, "/", clone.name)));
  clone.added_lines = added.lines;
  auto copy = TRY(runtime::clone(source, clone));
  auto made = make_layers(added.overlays);
  if (made) return copy;
  if (const auto removed = runtime::destroy(copy, {}); !removed)
    return fail(std::move(made.error())
                    .context(strings::cat("the copy ", copy.name(), " is made and can't be removed again"))
                    .hint(strings::cat("remove it: lxc-destroy -P ", strings::shell_quote(copy.lxcpath()), " -n ", copy.name(),
                                       " (", removed.error().line(), ")")));
  return fail(std::move(made.error()).context("the copy is made and removed again"));
}

Result<runtime::Container> make_copy(const Common& options, const runtime::Container& source, const EphemeralRequest& request) {
  ProgressDisplay progress(options, request.progress);
  runtime::CloneRequest clone = request.clone;
  clone.progress = &progress;
  if (!clone.name.empty()) return clone_with(source, request, clone);
  for (int i = 1;; ++i) {
    clone.name = strings::cat(source.name(), "_", TRY(random_letters()));
    auto copy = clone_with(source, request, clone);
    if (copy || copy.error().code() != EEXIST || i == kTries) return copy;
  }
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
  const PipeErrors no_signal;  // who reads our output and goes does not leave a copy behind
  const runtime::Container copy = TRY(make_copy(options, source, request));
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
