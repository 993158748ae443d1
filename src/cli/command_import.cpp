// Runs in: host commands.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/root_options.hpp"
#include "cli/units.hpp"
#include "os/terminal.hpp"
#include "runtime/backup/import.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

struct ImportOptions : Common {
  std::string bdev;
  storage::Specs specs;
  std::uint64_t most = 0;
  bool keep_name = false, keep_mac = false, any_device = false, incremental = false, replace = false;
  ProgressChoice progress = ProgressChoice::kAuto;
};

Status set_most(Common& options, std::string_view value) {
  static_cast<ImportOptions&>(options).most = TRY(parse_file_system_size(value));
  return {};
}

constexpr auto kOptions = joined(
    std::to_array<Option>({
        {"bdev", 'B', Takes::kValue, "BDEV", "Backing store type to use (default: the one it had\nwhere this host can, else dir)",
         set_text<&ImportOptions::bdev>},
    }),
    root_options<&ImportOptions::specs>(
        {.fstype = "Stores with a device: file system\n(default: what it had, else ext4)",
         .fssize = "Size, or limit where there is one, unit one of bBkKmMgGtT\n(default: what it had; default unit: M)"}),
    std::to_array<Option>({
        {"incremental", 'i', Takes::kNothing, "",
         "Take an archive of berth export --incremental, of a\nmaker that you trust. One with differences brings the\n"
         "container to its state: what was changed in it is lost",
         set_flag<&ImportOptions::incremental>},
        {"replace", 0, Takes::kNothing, "",
         "With --incremental: a whole one too may take the place\nof what a container of that name has: that is lost",
         set_flag<&ImportOptions::replace>},
        {"keepname", 'K', Takes::kNothing, "", "With NEWNAME: keep the host name", set_flag<&ImportOptions::keep_name>},
        {"keepmac", 'M', Takes::kNothing, "", "With NEWNAME: keep the MAC addresses", set_flag<&ImportOptions::keep_mac>},
        {"allow-devices", 0, Takes::kNothing, "", "Make device nodes of any number, not only those that\nevery container has",
         set_flag<&ImportOptions::any_device>},
        {"max-size", 0, Takes::kValue, "SIZE[U]",
         "Refuse an archive with more in it, holes of files\nincluded (default unit: M); not of an incremental one", set_most},
        kProgressOption<&ImportOptions::progress>,
    }));

// -n NEWNAME is taken too, as other commands do; the file is then the only argument.
Result<std::string> name_of(const ImportOptions& options) {
  if (options.arguments.empty()) return fail(Error::message("No archive was named").hint("- is standard input"));
  if (options.arguments.size() == 1) return options.name;
  if (options.name.empty()) return options.arguments[1];
  return fail("the new name is given twice");
}

// A path that was mistyped would become a directory that nobody looks into.
Result<std::string> lxcpath_for(const ImportOptions& options) {
  std::string lxcpath = TRY(lxcpath_of(options));
  if (options.lxcpath.empty() || sys::exists(lxcpath)) return lxcpath;
  return fail(Error::message(strings::cat("there is no directory ", lxcpath), ENOENT)
                  .because("-P names it")
                  .hint(strings::cat("make it, where it is meant: mkdir -p ", strings::shell_quote(lxcpath))));
}

Result<Fd> open_archive(const std::string& file) {
  if (file == "-" && os::is_terminal(STDIN_FILENO))
    return fail("an archive does not come from a terminal: name a file, or a pipe");
  Fd input = file == "-" ? TRY(sys::duplicate(STDIN_FILENO)) : TRY(sys::open(file, O_RDONLY));
  if (S_ISDIR(TRY(sys::stat_fd(input.get())).st_mode))
    return fail(Error::message(strings::cat(file, " is a directory"), EISDIR).hint("name an archive that berth export made"));
  return input;
}

Result<int> import_it(ImportOptions& options) {
  TRY(refuse_more_arguments(options, 2));
  if (options.replace && !options.incremental)
    return fail("--replace belongs to --incremental: without it no container is replaced");
  runtime::ImportRequest request;
  request.name = TRY(name_of(options));
  request.lxcpath = TRY(lxcpath_for(options));
  request.bdev = options.bdev.empty() && !options.specs.directory.empty() ? "dir" : options.bdev;
  request.specs = options.specs;
  request.keep_name = options.keep_name;
  request.keep_hwaddr = options.keep_mac;
  request.incremental = options.incremental;
  request.replace = options.replace;
  request.any_device = options.any_device;
  request.most_bytes = options.most;
  const Fd input = TRY_CONTEXT(open_archive(options.arguments.front()), "cannot import");
  ProgressDisplay progress(options, options.progress);
  request.progress = &progress;
  const auto outcome = TRY(runtime::import_container(input.get(), request));
  progress.end();
  options.name = outcome.container.name();
  for (const std::string& note : outcome.notes) notice(options, note);
  return 0;
}

}  // namespace

int run_import(int argc, char** argv) { return run_command<ImportOptions>(kImport, argc, argv, import_it); }

const Command kImport = {.name = "import",
                         .synopsis = "FILE|- [NEWNAME] [OPTION...]",
                         .summary = "make a container of an archive",
                         .description =
                             "make the container again that berth export packed into FILE (- is standard input), under its\n"
                             "own name, or a copy of it under NEWNAME",
                         .options = kOptions,
                         .run = run_import,
                         .takes_name = false,
                         .name_required = false,
                         .own = true};

}  // namespace berth::cli
