// Runs in: host commands.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

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

// What is rewritten: the file behind a link, read and looked at by one descriptor.
struct Original {
  std::string path, text;
  sys::FileKind kind;
};

Result<Original> read_original(const std::string& file) {
  const Fd fd = TRY(sys::open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  Original original;
  original.kind = TRY(sys::kind_of(fd.get(), file));
  if (!S_ISREG(original.kind.about.st_mode)) return fail(Error::message("it is not a regular file"));
  if (original.kind.about.st_nlink > 1) {
    return fail(Error::message("the file has other names too, which would keep the old text")
                    .hint("make a copy of it, and rewrite that one"));
  }
  original.path = TRY(sys::read_link(strings::cat("/proc/self/fd/", fd.get())));
  original.text = TRY(sys::read_all(fd.get(), file));
  return original;
}

// FILE.backup, or with a number when there is one from before.
Result<std::string> keep_backup(const Original& original) {
  std::string name = original.path + ".backup";
  for (unsigned number = 1;; ++number) {
    const Status kept = sys::create_file_like(name, original.text, original.kind);
    if (kept) return name;
    if (kept.error().code() != EEXIST) return fail(kept.error());
    name = strings::cat(original.path, ".backup.", number);
  }
}

void print_changes(const UpdateOptions& options, const config::Updated& updated) {
  for (const config::Change& change : updated.changes) {
    print(strings::cat(options.file, ':', change.line, ": ", strings::printable(strings::trim(change.before))));
    const std::string after = strings::printable(strings::trim(change.after));
    print(after.empty() ? std::string(": removed\n") : strings::cat("  ->  ", after, '\n'));
  }
}

Result<int> update(UpdateOptions& options) {
  if (options.file.empty() && !options.arguments.empty()) {
    options.file = options.arguments.front();
    options.arguments.erase(options.arguments.begin());
  }
  if (options.file.empty()) return fail(Error::message("no file to rewrite").hint("name it with -c FILE"));
  if (!options.arguments.empty()) return fail(strings::cat("one file at a time: what is ", options.arguments.front(), "?"));
  const Original original = TRY_CONTEXT(read_original(options.file), strings::cat(options.file, ": nothing was changed"));
  const config::Updated updated =
      TRY_CONTEXT(config::update_names(original.text, options.file), strings::cat(options.file, ": nothing was changed"));
  if (updated.changes.empty()) {
    if (!options.quiet) print(strings::cat(options.file, ": nothing to change\n"));
    return 0;
  }
  const std::string backup = TRY_CONTEXT(keep_backup(original), "keeping the old file; nothing was changed");
  if (auto written = sys::replace_file_like(original.path, updated.text, original.kind); !written) {
    [[maybe_unused]] const Status ignored = sys::unlink(backup);  // the same text twice would only puzzle
    return fail(std::move(written.error()).context(strings::cat("writing ", options.file, "; nothing was changed")));
  }
  if (options.quiet) return 0;
  print_changes(options, updated);
  print(strings::cat("the old text is in ", backup, "; 'berth config check ", options.file, "' finds what is left to do\n"));
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
