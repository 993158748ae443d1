// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "runtime/snapshot.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

struct SnapshotOptions : Common {
  std::string comment, destroy, restore, new_name;
  bool list = false, show_comments = false, json = false;
  ProgressChoice progress = ProgressChoice::kAuto;
};

constexpr Option kOptions[] = {
    {"list", 'L', Takes::kNothing, "", "list all snapshots", set_flag<&SnapshotOptions::list>},
    {"restore", 'r', Takes::kValue, "SNAPSHOT", "restore SNAPSHOT, e.g. 'snap0', in place of the container or as NEWNAME",
     set_text<&SnapshotOptions::restore>},
    {"newname", 'N', Takes::kValue, "NEWNAME", "name of the container that is restored", set_text<&SnapshotOptions::new_name>},
    {"destroy", 'd', Takes::kValue, "SNAPSHOT", "destroy SNAPSHOT, e.g. 'snap0';\nALL destroys all of them",
     set_text<&SnapshotOptions::destroy>},
    {"comment", 'c', Takes::kValue, "FILE", "add the text in FILE as a comment", set_text<&SnapshotOptions::comment>},
    {"showcomments", 'C', Takes::kNothing, "", "list with the comments", set_flag<&SnapshotOptions::show_comments>},
    {"json", 0, Takes::kNothing, "", "list everything known as JSON", set_flag<&SnapshotOptions::json>},
    kProgressOption<&SnapshotOptions::progress>,
};

Status check(const SnapshotOptions& options) {
  const bool list = options.list || options.json;
  const int actions = int{list} + int{!options.restore.empty()} + int{!options.destroy.empty()};
  if (actions > 1) return fail("--list, --restore and --destroy exclude each other");
  if (actions == 1 && !options.comment.empty()) return fail("--comment is for a snapshot that is taken");
  if (options.show_comments && !list) return fail("--showcomments is for --list");
  if (!options.new_name.empty() && options.restore.empty()) return fail("--newname is for --restore");
  return {};
}

std::string comment_of(const runtime::Snapshot& snapshot) { return sys::read_file(snapshot.comment_file).value_or(""); }

std::string as_text(const std::vector<runtime::Snapshot>& snapshots, bool with_comments) {
  if (snapshots.empty()) return "No snapshots\n";
  std::string text;
  for (const auto& snapshot : snapshots) {
    text += strings::cat(snapshot.name, " (", snapshot.lxcpath, ") ", snapshot.timestamp, "\n");
    if (!with_comments) continue;
    text += comment_of(snapshot);
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

std::string as_json(const std::vector<runtime::Snapshot>& snapshots) {
  JsonWriter json;
  json.begin_array();
  for (const auto& snapshot : snapshots)
    json.begin_object()
        .key("name")
        .value(snapshot.name)
        .key("lxcpath")
        .value(snapshot.lxcpath)
        .key("timestamp")
        .value(snapshot.timestamp)
        .key("comment")
        .value(comment_of(snapshot))
        .end_object();
  json.end_array();
  return json.take();
}

Result<int> snapshot(SnapshotOptions& options) {
  TRY(check(options));
  TRY(refuse_more_arguments(options, options.restore.empty() ? 0 : 1));
  const auto container = TRY(open_container(options));
  if (!container.defined()) return fail(no_such_container(container));
  if (options.list || options.json) {
    const auto snapshots = TRY(runtime::list_snapshots(container));
    print(options.json ? as_json(snapshots) : as_text(snapshots, options.show_comments));
  } else if (options.destroy == "ALL") {
    if (!TRY(runtime::destroy_snapshots(container))) print("No snapshots\n");
  } else if (!options.destroy.empty()) {
    TRY(runtime::destroy_snapshot(container, options.destroy));
  } else if (!options.restore.empty()) {
    const bool positional = options.new_name.empty() && !options.arguments.empty();
    ProgressDisplay progress(options, options.progress);
    TRY(runtime::restore_snapshot(container, options.restore, positional ? options.arguments.front() : options.new_name,
                                  &progress));
  } else {
    ProgressDisplay progress(options, options.progress);
    TRY(runtime::take_snapshot(container, options.comment, &progress));
  }
  return 0;
}

}  // namespace

int run_snapshot(int argc, char** argv) { return run_command<SnapshotOptions>(kSnapshot, argc, argv, snapshot); }

const Command kSnapshot = {"snapshot",
                           "--name=NAME [-c FILE | -L [-C] | -r SNAPSHOT [-N NEWNAME] | -d SNAPSHOT|ALL]",
                           "take, list, restore and destroy snapshots",
                           "take a snapshot of the container NAME, or do with its snapshots what the options say",
                           kOptions,
                           run_snapshot};

}  // namespace berth::cli
