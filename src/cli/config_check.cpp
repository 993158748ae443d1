// Runs in: host commands.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "cli/config_notes.hpp"
#include "cli/config_words.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "config/parser.hpp"
#include "security/seccomp_policy.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

struct CheckOptions : Common {
  bool json = false;
};

constexpr Option kOptions[] = {
    {"json", 0, Takes::kNothing, "", "Print the problems as JSON", set_flag<&CheckOptions::json>},
};

const Command kCheck = {
    "config check", "FILE|NAME...",   "",    "find all problems of configuration files, or of those of the containers NAME",
    kOptions,       run_config_check, false, false};

struct Problem {
  std::string file;  // the one that was asked for
  Error error;
  bool note = false;  // no mistake
};

// A word without a slash that is no file is a container's name.
Result<std::string> file_of(const CheckOptions& options, const std::string& word) {
  const auto about = sys::stat(word);
  const bool is_directory = about && S_ISDIR(about->st_mode);
  if (word.find('/') == std::string::npos && (!about || is_directory)) {
    const auto container = TRY(runtime::Container::open(word, TRY(lxcpath_of(options))));
    if (container.defined()) return container.config_file();
    const auto refused = sys::stat(container.config_file());
    if (!refused && refused.error().code() != ENOENT) return fail(no_such_container(container));
    return fail(Error::message("there is neither a file nor a container of this name", ENOENT)
                    .hint(strings::cat("lxc-ls -P ", container.lxcpath(), " lists the containers")));
  }
  if (about && !S_ISREG(about->st_mode)) return fail(Error::message("it is not a regular file"));
  return word;
}

constexpr std::size_t kShown = 200;  // bytes of a line

std::string shown_line(const std::string& text) {
  return strings::cat(strings::printable(std::string_view(text).substr(0, kShown)), text.size() > kShown ? "..." : "");
}

void print_json(const std::vector<Problem>& problems) {
  JsonWriter json;
  json.begin_array();
  for (const auto& [file, error, note] : problems) {
    const bool known = error.origin().known();
    json.begin_object().key("checked").value(file).key("kind").value(note ? "note" : "problem");
    json.key("problem").value(error.line());
    json.key("file").value(known ? error.origin().file : file);
    json.key("line").value(error.origin().line);
    json.key("text").value(error.origin().text).key("because").value(error.because());
    json.key("hint").value(error.hint()).end_object();
  }
  print(json.end_array().take());
}

// FILE:LINE: PROBLEM, as compilers write it; then the line, and the way out.
void print_problem(const Problem& problem) {
  const Error& error = problem.error;
  const Origin& origin = error.origin();
  std::string place = problem.file;
  if (origin.known()) place = origin.line == 0 ? origin.file : strings::cat(origin.file, ':', origin.line);
  print(strings::cat(place, problem.note ? ": note: " : ": ", strings::printable(error.line()), '\n'));
  if (!origin.text.empty()) print(strings::cat("    ", shown_line(origin.text), '\n'));
  if (!error.because().empty())
    print(strings::cat(problem.note ? "  here: " : "  because: ", strings::printable(error.because()), '\n'));
  if (!error.hint().empty()) print(strings::cat("  try: ", error.hint(), '\n'));
}

// The policy that the configuration names.
void check_seccomp(const config::Conf& conf, const std::string& file, std::vector<Problem>& problems) {
  const std::string& profile = conf.security.seccomp_profile;
  if (profile.empty()) return;
  const Origin origin = conf.origin("lxc.seccomp.profile");
  const auto text = sys::read_file(profile);
  if (!text) {
    // Who checks a file may do it elsewhere, or before the policy is written.
    problems.push_back({file, Error(text.error()).context("cannot read the seccomp policy").set_by(origin), true});
    return;
  }
  for (Error& error : security::check_policy(*text, profile)) problems.push_back({file, std::move(error).set_by(origin)});
}

void check_file(std::vector<Problem>& problems, const std::string& file) {
  config::Conf conf;
  for (Error& error : config::check_file(conf, file)) problems.push_back({file, std::move(error)});
  check_seccomp(conf, file, problems);
  const auto host = cgroup::detect_host();
  if (!host) return;  // without control groups there is nothing to say of them
  for (Error& note : find_notes(conf, host->layout)) problems.push_back({file, std::move(note), true});
}

Result<int> check(CheckOptions& options) {
  if (!options.name.empty()) options.arguments.push_back(options.name);
  if (options.arguments.empty())
    return fail(Error::message("no file to check").hint(strings::cat(options.program, " FILE, or the name of a container")));
  std::vector<Problem> problems;
  for (const std::string& word : options.arguments) {
    const auto file = file_of(options, word);
    if (!file) {
      problems.push_back({word, file.error()});
      continue;
    }
    check_file(problems, *file);
  }
  if (options.json) {
    print_json(problems);
  } else if (!options.quiet) {
    for (const Problem& problem : problems) print_problem(problem);
  }
  const bool mistaken = std::ranges::any_of(problems, [](const Problem& problem) { return !problem.note; });
  return mistaken ? kExitFailure : 0;
}

}  // namespace

int run_config_check(int argc, char** argv) { return run_command<CheckOptions>(kCheck, argc, argv, check); }

}  // namespace berth::cli
