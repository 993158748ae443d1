// Runs in: host commands.
// LXC's lxc-config takes one word, no common options. The words that are no key of lxc.conf are ours (config_words.hpp).
#include <array>
#include <vector>

#include "cli/commands.hpp"
#include "cli/config_words.hpp"
#include "cli/report.hpp"
#include "config/global.hpp"

namespace berth::cli {
namespace {

void print_usage(std::string_view program) {
  print(strings::cat("Usage: ", program, " -l: list all available configuration items\n       ", program,
                     " item: print configuration item\n       ", program,
                     " check FILE|NAME...: find all problems of a container's configuration\n       ", program,
                     " explain [KEY...]: what the keys of a container's configuration mean\n       ", program,
                     " show NAME [--origin]: what a container's configuration comes to, and which line says so\n       ", program,
                     " generate man|schema|words|completion: the manual page, a JSON schema, all keys, completion for bash\n"));
}

int print_keys() {
  for (const std::string_view key : config::global_keys()) print(strings::cat(key, '\n'));
  return 0;
}

int print_item(const Common& options, std::string_view key) {
  bool known = false;
  const auto keys = config::global_keys();
  for (const std::string_view row : keys) known = known || row == key;
  if (!known) {
    print(strings::cat("Unknown configuration item: ", key, '\n'));
    if (const auto near = strings::nearest(key, keys)) notice(options, strings::cat("did you mean '", *near, "'?"));
    return kExitFailure;
  }
  const auto set = config::global_item_is_set(key);
  const auto value = config::global_item(key);
  if (!set || !value) {
    report(options, !set ? set.error() : value.error());
    return kExitFailure;
  }
  print(*set ? strings::cat(*value, '\n') : strings::cat(key, " is not set.\n"));
  return 0;
}

int run(Common& options, int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word.empty() || word == "-h" || word == "-?" || word == "--help" || word == "--usage") {
    print_usage(argv[0]);
    return 0;
  }
  if (word == "-l") return print_keys();
  if (word == "--version") {
    Command command = kConfig;
    return parse(command, options, argc, argv).value_or(0);
  }
  return print_item(options, word);
}

struct Word {
  std::string_view name;
  int (*run)(int argc, char** argv);
};

constexpr auto kWords = std::to_array<Word>(
    {{"check", run_config_check}, {"explain", run_config_explain}, {"show", run_config_show}, {"generate", run_config_generate}});

}  // namespace

std::vector<std::string_view> config_words() {
  std::vector<std::string_view> names;
  for (const Word& word : kWords) names.push_back(word.name);
  return names;
}

int run_config(int argc, char** argv) {
  for (const Word& word : kWords) {
    if (argc < 2 || word.name != argv[1]) continue;
    std::string program = strings::cat(argv[0], ' ', word.name);
    argv[1] = program.data();
    return word.run(argc - 1, argv + 1);
  }
  Common options;
  options.program = argv[0];
  return finish(options, run(options, argc, argv));
}

const Command kConfig = {"config",
                         "-l | KEY | check|explain|show ...",
                         "check, explain and show configurations; the values of lxc.conf",
                         "print a value of lxc.conf, or list its keys with -l",
                         {},
                         run_config,
                         false,
                         false};

}  // namespace berth::cli
