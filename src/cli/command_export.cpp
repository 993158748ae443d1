// Runs in: host commands.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "os/terminal.hpp"
#include "runtime/backup/export.hpp"

namespace berth::cli {
namespace {

struct ExportOptions : Common {
  std::string compression;
  std::optional<int> level;
  unsigned threads = 0;
  bool snapshots = false, incremental = false, full = false, freeze = false, no_freeze = false, force = false;
  ProgressChoice progress = ProgressChoice::kAuto;
};

struct Kind {
  std::string_view name;
  int highest_level;  // 0: it has none
};
constexpr auto kKinds = std::to_array<Kind>({{"zst", 22}, {"gz", 9}, {"xz", 9}, {"none", 0}});

// An empty kind: endings of what this program does not write.
struct Suffix {
  std::string_view ending, kind;
};
constexpr auto kSuffixes = std::to_array<Suffix>(
    {{".zst", "zst"}, {".tzst", "zst"}, {".gz", "gz"}, {".tgz", "gz"}, {".xz", "xz"}, {".txz", "xz"}, {".tar", "none"},
     {".bz2", ""},    {".tbz2", ""},    {".tbz", ""},  {".lz4", ""},   {".lzma", ""}, {".lz", ""},    {".lzo", ""},
     {".br", ""},     {".Z", ""},       {".zip", ""},  {".7z", ""},    {".rar", ""},  {".cpio", ""}});

Status set_compression(Common& options, std::string_view value) {
  if (std::ranges::find(kKinds, value, &Kind::name) == kKinds.end())
    return fail(strings::cat("'", value, "' is none of zst, gz, xz, none"));
  static_cast<ExportOptions&>(options).compression = std::string(value);
  return {};
}

constexpr Option kOptions[] = {
    {"snapshots", 's', Takes::kNothing, "", "Pack its snapshots too", set_flag<&ExportOptions::snapshots>},
    {"incremental", 'i', Takes::kNothing, "",
     "What has changed since the last archive that was made so\n(btrfs, zfs); the first one is whole",
     set_flag<&ExportOptions::incremental>},
    {"full", 0, Takes::kNothing, "", "With --incremental: a whole one, for later ones to start\nfrom",
     set_flag<&ExportOptions::full>},
    {"compress", 0, Takes::kValue, "KIND", "zst, gz, xz or none (default: by FILE's ending, else zst)", set_compression},
    {"level", 0, Takes::kValue, "N", "Compression level: zst 1 to 22, gz and xz 1 to 9\n(default: the kind's own)",
     set_number<&ExportOptions::level>},
    {"threads", 0, Takes::kValue, "N", "Threads that compress, for zst and xz\n(default: the processors there are)",
     set_number<&ExportOptions::threads>},
    {"freeze", 0, Takes::kNothing, "",
     "Freeze a running container for the time of the copy,\nalso where its storage has snapshots",
     set_flag<&ExportOptions::freeze>},
    {"no-freeze", 0, Takes::kNothing, "", "Copy a running container as it runs\n(what changes meanwhile may be inconsistent)",
     set_flag<&ExportOptions::no_freeze>},
    {"force", 'f', Takes::kNothing, "", "Replace FILE when it is there\n(with --incremental: only together with --full)",
     set_flag<&ExportOptions::force>},
    kProgressOption<&ExportOptions::progress>,
};

// An ending that says something else than what the file would be misleads every other program.
Result<const Kind*> kind_of(const ExportOptions& options, std::string_view file) {
  const auto suffix = std::ranges::find_if(kSuffixes, [&](const Suffix& row) { return file.ends_with(row.ending); });
  const bool known = suffix != kSuffixes.end();
  std::string_view wanted = options.compression;
  if (wanted.empty()) wanted = known ? suffix->kind : "zst";
  if (known && suffix->kind.empty())
    return fail(Error::message(strings::cat("no archive of the kind '", suffix->ending, "' can be made"))
                    .hint("name the file .tar.zst, .tar.gz, .tar.xz or .tar"));
  if (known && suffix->kind != wanted)
    return fail(Error::message(strings::cat("the file's ending ", suffix->ending, " is not that of --compress ", wanted))
                    .hint("leave out --compress, or name the file otherwise"));
  return &*std::ranges::find(kKinds, wanted, &Kind::name);
}

Status check_numbers(const ExportOptions& options, const Kind& kind) {
  constexpr unsigned kMostThreads = 256;
  if (options.threads > kMostThreads) return fail(strings::cat("--threads is at most ", kMostThreads));
  if (!options.level) return {};
  if (kind.highest_level == 0) return fail(Error::message("--level is for archives that are compressed").hint("--compress zst"));
  if (*options.level >= 1 && *options.level <= kind.highest_level) return {};
  return fail(strings::cat("--level ", *options.level, ": the levels of ", kind.name, " are 1 to ", kind.highest_level));
}

unsigned processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

// The same words as those of an import that refuses the archive.
std::string told(const runtime::ExportOutcome& outcome, bool full) {
  if (!outcome.base.empty()) return strings::cat("the archive brings the state ", outcome.base, " to the state ", outcome.state);
  return strings::cat("the archive is whole", full ? "" : ": there was none yet that it could start from",
                      "; it makes the state ", outcome.state);
}

Result<int> export_it(ExportOptions& options) {
  TRY(refuse_more_arguments(options, 1));
  if (options.arguments.empty())
    return fail(Error::message("No file was named").hint("give it behind the container's name; - is standard output"));
  if (options.freeze && options.no_freeze) return fail("--freeze and --no-freeze exclude each other");
  if (options.full && !options.incremental) return fail("--full belongs to --incremental: without it every archive is whole");
  if (options.incremental && (options.snapshots || options.freeze || options.no_freeze))
    return fail("--incremental goes with none of --snapshots, --freeze and --no-freeze");
  const auto container = TRY(open_container(options));
  const std::string& file = options.arguments.front();
  const bool to_output = file == "-";
  const Kind& kind = *TRY(kind_of(options, file));
  TRY(check_numbers(options, kind));
  if (to_output && os::is_terminal(STDOUT_FILENO)) return fail("an archive is nothing for a terminal: name a file, or a pipe");
  ProgressDisplay progress(options, options.progress);
  runtime::ExportRequest request{.made_by = std::string(kOwnVersion)};
  request.compression = kind.name;
  request.threads = options.threads == 0 ? processors() : options.threads;
  request.level = options.level.value_or(0);
  request.snapshots = options.snapshots;
  request.incremental = options.incremental;
  request.whole = options.full;
  if (options.freeze) request.stillness = runtime::Stillness::kFrozen;
  if (options.no_freeze) request.stillness = runtime::Stillness::kNone;
  request.progress = &progress;
  const auto outcome = TRY(to_output ? runtime::export_container(container, request, STDOUT_FILENO)
                                     : runtime::export_to_file(container, request, file, options.force));
  progress.end();
  if (options.incremental) notice(options, told(outcome, options.full));
  return 0;
}

}  // namespace

int run_export(int argc, char** argv) { return run_command<ExportOptions>(kExport, argc, argv, export_it); }

const Command kExport = {.name = "export",
                         .synopsis = "NAME FILE|- [OPTION...]",
                         .summary = "pack a container into an archive",
                         .description =
                             "pack the container NAME with its configuration into FILE (.tar.zst, .tar.gz, .tar.xz, .tar), "
                             "or\nto standard output (-)",
                         .options = kOptions,
                         .run = run_export,
                         .own = true};

}  // namespace berth::cli
