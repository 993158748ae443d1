// The edge where Errors become text: stderr and the log.
#pragma once

#include "base/result.hpp"
#include "cli/interruption.hpp"
#include "cli/option.hpp"
#include "runtime/container.hpp"

namespace berth::cli {

inline constexpr int kExitFailure = 1;

// Writes the whole message to stderr (unless --quiet) and one line of it to the log. With the container's name as subject.
void report(const Common& options, const Error& error);
// One line "PROGRAM: NAME: TEXT" on stderr, unless --quiet.
void notice(const Common& options, std::string_view text);

// To standard output, at the latest by end_output(), which also tells what failed: not for what somebody waits to read while
// the command goes on.
void print(std::string_view text);
// To standard error, after what was printed before.
void print_error(std::string_view text);
// Writes out what was printed. Error: it did not all arrive.
Status end_output();

// The end of a command: writes out what was printed; the exit status, which a failure to do so makes a failure.
int finish(const Common& options, int status);

// --logfile and --logpriority. Called by parse.
Status open_log(const Common& options);

// The lxcpath of the command line, else the one of lxc.conf.
Result<std::string> lxcpath_of(const Common& options);
// The container that the options name, its configuration file replaced by --rcfile.
Result<runtime::Container> open_container(const Common& options);
// "NAME: no such container", with where it was looked for and what to do.
Error no_such_container(const runtime::Container& container);
// The container must be defined or running.
Result<runtime::Container> existing_container(const Common& options);
// More words behind the name than `most` are an Error: a command that took one of two names would have done half of what was
// meant.
Status refuse_more_arguments(const Common& options, std::size_t most = 0);
// For commands that need a running container.
Error not_running(const runtime::Container& container);

// Parses, runs, reports: what every run_<name> is made of. Work that failed after Ctrl-C fails as interrupted.
template <typename Options>
int run_command(const Command& command, int argc, char** argv, Result<int> (*body)(Options& options)) {
  Options options;
  const auto over = parse(command, options, argc, argv);
  const Result<int> status = over ? *over : body(options);
  if (!status) report(options, status.error());
  return finish(options, status.value_or(interrupted() ? kExitInterrupted : kExitFailure));
}

}  // namespace berth::cli
