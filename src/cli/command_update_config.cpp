// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "config/update.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

struct UpdateOptions : Common {
  std::string file;
};

constexpr Option kOptions[] = {
    {"config", 'c', Takes::kValue, "FILE", "The file to rewrite; the old one becomes FILE.backup",
     set_text<&UpdateOptions::file>},
};

// FILE.backup, or with a number when there is one from before.
std::string free_backup_name(const std::string& file) {
  std::string name = file + ".backup";
  for (unsigned number = 1; sys::exists(name); ++number) name = strings::cat(file, ".backup.", number);
  return name;
}

void print_changes(const UpdateOptions& options, const config::Updated& updated) {
  if (options.quiet) return;
  for (const config::Change& change : updated.changes) {
    print(strings::cat(options.file, ':', change.line, ": ", strings::trim(change.before)));
    print(change.after.empty() ? std::string(": removed\n") : strings::cat("  ->  ", strings::trim(change.after), '\n'));
  }
}

Result<int> update(UpdateOptions& options) {
  if (options.file.empty() && !options.arguments.empty()) options.file = options.arguments.front();
  if (options.file.empty()) return fail(Error::message("no file to rewrite").hint("name it with -c FILE"));
  const std::string text = TRY_CONTEXT(sys::read_file(options.file), "reading the configuration file");
  const auto about = TRY_CONTEXT(sys::stat(options.file), "reading the configuration file");
  const config::Updated updated = TRY_CONTEXT(config::update_names(text, options.file), "nothing was changed");
  if (updated.changes.empty()) {
    if (!options.quiet) print(strings::cat(options.file, ": nothing to change\n"));
    return 0;
  }
  const mode_t mode = about.st_mode & 07777U;
  TRY_CONTEXT(sys::replace_file(free_backup_name(options.file), text, mode), "keeping the old file");
  TRY_CONTEXT(sys::replace_file(options.file, updated.text, mode), "writing the configuration file");
  print_changes(options, updated);
  return 0;
}

}  // namespace

int run_update_config(int argc, char** argv) { return run_command<UpdateOptions>(kUpdateConfig, argc, argv, update); }

const Command kUpdateConfig = {"update-config",
                               "-c FILE",
                               "give a configuration file of LXC 1 or 2 the names of today",
                               "rewrite the configuration FILE of LXC 1 or 2 with the names of today",
                               kOptions,
                               run_update_config,
                               false,
                               false};

}  // namespace berth::cli
