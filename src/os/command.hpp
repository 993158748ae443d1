// Runs another program to its end: back ends' tools, hooks, templates.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::os {

// Where programs are that are named without their directory, whatever the caller's PATH says.
inline constexpr std::string_view kSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Command {
  std::string program;                   // a path, or a name that is looked up in `search_path`
  std::vector<std::string> arguments;    // without argv[0], which is `program`
  std::vector<std::string> environment;  // "NAME=VALUE"; nothing of the caller's is inherited
  std::optional<std::string> input;      // standard input; nothing: /dev/null
  int input_from = -1;                   // a descriptor as standard input instead
  int output_to = -1;                    // a descriptor as standard output; nothing of it is captured
  bool inherit_output = false;           // the program writes to the caller's standard output and error, nothing is captured
  std::size_t output_limit = 1 << 20;    // bytes kept of each stream; more is read and dropped
  std::optional<std::chrono::milliseconds> timeout;  // then the program and its session are killed
  int network = -1;                                  // a network namespace to run in; the caller's without
  int mounts = -1;                                   // a mount namespace, likewise
  std::string search_path{kSearchPath};
};

struct Finished {
  int status = 0;            // wait(2) form
  std::string output;        // standard output
  std::string error_output;  // standard error
  bool truncated = false;    // a stream was longer than the limit
  bool timed_out = false;

  [[nodiscard]] bool succeeded() const { return status == 0 && !timed_out; }
  // "exit status 3", "killed by SIGSEGV", "timed out".
  [[nodiscard]] std::string outcome() const;
};

// An Error only when the program could not be started or watched; how it ended is for the caller to judge. A program is over when
// its process ends, even when something that it left behind still holds its output open.
Result<Finished> run(const Command& command);
// The same, and anything but status 0 is an Error with the program's standard error (its output, when that is empty) attached.
Result<Finished> run_checked(const Command& command);

// Where kSearchPath has a program of this name; nothing: nowhere.
std::optional<std::string> find_program(std::string_view name);
bool has_program(const std::string& name);
// The caller's environment in the form of Command::environment.
std::vector<std::string> own_environment();
// "exit status 3" for a status in wait(2) form.
std::string describe_wait_status(int status);

}  // namespace berth::os
