// Runs in: host commands.
// The commands that are run most, without a C library: its start would be a good part of their time (docs/adr/0007). They are
// berth's own, from the same sources; what they can't do here, berth does.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "cli/show_plan.hpp"
#include "freestanding/program.hpp"
#include "runtime/attach_root.hpp"
#include "runtime/programs.hpp"
#include "runtime/rename.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace {

using namespace berth;

constexpr auto kQuick = std::to_array<const cli::Command*>(
    {&cli::kStart, &cli::kStop, &cli::kAttach, &cli::kExecute, &cli::kFreeze, &cli::kUnfreeze, &cli::kWait});
constexpr std::string_view kPrefix = "lxc-";
constexpr int kNotExecuted = 126;

char** command_line = nullptr;

std::string_view invoked_as() {
  std::string_view name = command_line[0] == nullptr ? "" : command_line[0];
  if (const std::size_t slash = name.rfind('/'); slash != name.npos) name.remove_prefix(slash + 1);
  return name;
}

// The complete program takes this one's place.
Error hand_over() {
  const auto program = runtime::find_command("berth");
  if (!program) return program.error();
  const auto found = sys::stat(*program);
  const auto own = sys::stat("/proc/self/exe");
  if (found && own && found->st_dev == own->st_dev && found->st_ino == own->st_ino) {
    return Error::message(strings::cat(*program, " is not the complete program but this one"), ELOOP).hint("install berth again");
  }
  if (auto written = cli::end_output(); !written) return written.error();
  const long result = sys::raw::call(SYS_execve, program->c_str(), command_line, environ);
  return Error::from_errno(static_cast<int>(-result), "execve", *program);
}

const cli::Command* find_quick(std::string_view invoked) {
  if (!invoked.starts_with(kPrefix)) return nullptr;
  for (const cli::Command* command : kQuick) {
    if (invoked.substr(kPrefix.size()) == command->name) return command;
  }
  return nullptr;
}

}  // namespace

// Its own definitions, in place of those with libraries.
Result<int> berth::cli::show_plan(const runtime::Container&, const runtime::StartRequest&, std::string_view) {
  return fail(hand_over());
}

Status berth::runtime::complete_rename(const Container& container) {
  return rename_is_incomplete(container) ? fail(hand_over()) : Status{};
}

// Stores are berth's matter. Nothing has been made yet.
Result<runtime::AttachedRoot> berth::runtime::attach_root(const Container&, const config::Conf& conf) {
  if (is_plain_root(conf.rootfs)) return AttachedRoot();
  return fail(hand_over());
}

Result<runtime::AttachedRoot> berth::runtime::describe_root(const config::Conf&) { return fail(hand_over()); }

int berth_program(int count, char** arguments, char**) {
  sys::fill_standard_descriptors(O_RDONLY);  // as berth does
  sys::reset_signal(SIGCHLD);
  command_line = arguments;
  const std::string_view invoked = invoked_as();
  if (const cli::Command* command = find_quick(invoked)) {
    // The parser and the messages want the bare name; a handed-over command line keeps the word as it was given.
    std::string name(invoked);
    std::vector<char*> words(arguments, arguments + count + 1);
    words[0] = name.data();
    return command->run(count, words.data());
  }
  cli::Common options;
  options.program = invoked;
  cli::report(options, hand_over());
  return kNotExecuted;
}
