// Runs in: host commands.
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/listing.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "os/terminal.hpp"

namespace berth::cli {
namespace {

constexpr unsigned kDefaultNesting = 5;
constexpr std::size_t kDefaultWidth = 80;

struct LsOptions : Common {
  bool line = false, fancy = false, json = false;
  std::string format;
  Selection selection;
};

Selection& selection_of(Common& options) { return static_cast<LsOptions&>(options).selection; }

template <auto Member>
Status select(Common& options, std::string_view) {
  selection_of(options).*Member = true;
  return {};
}

Status set_nesting(Common& options, std::string_view value) {
  const auto levels = value.empty() ? std::optional(kDefaultNesting) : strings::parse_number<unsigned>(value);
  if (!levels) return fail(strings::cat("'", value, "' is not a number of levels"));
  selection_of(options).nesting = *levels;
  return {};
}

Status set_groups(Common& options, std::string_view value) {
  for (const std::string_view group : strings::split_words(value, ",")) selection_of(options).groups.emplace_back(group);
  return {};
}

Status set_filter(Common& options, std::string_view value) {
  selection_of(options).pattern = std::string(value);
  return {};
}

constexpr Option kOptions[] = {
    {"line", '1', Takes::kNothing, "", "show one entry per line", set_flag<&LsOptions::line>},
    {"fancy", 'f', Takes::kNothing, "", "use a fancy, column-based output", set_flag<&LsOptions::fancy>},
    {"fancy-format", 'F', Takes::kValue, "COLUMNS",
     "comma separated list of columns to show in the fancy output\nvalid columns are: NAME, STATE, PID, RAM, SWAP, AUTOSTART,\n"
     "GROUPS, INTERFACE, IPV4 and IPV6, UNPRIVILEGED",
     set_text<&LsOptions::format>},
    {"active", 0, Takes::kNothing, "", "list only active containers", select<&Selection::only_active>},
    {"running", 0, Takes::kNothing, "", "list only running containers", select<&Selection::running>},
    {"frozen", 0, Takes::kNothing, "", "list only frozen containers", select<&Selection::frozen>},
    {"stopped", 0, Takes::kNothing, "", "list only stopped containers", select<&Selection::stopped>},
    {"defined", 0, Takes::kNothing, "", "list only defined containers", select<&Selection::only_defined>},
    {"nesting", 0, Takes::kOptionalValue, "NUM", "list nested containers up to NUM (default is 5) levels of nesting",
     set_nesting},
    {"filter", 0, Takes::kValue, "REGEX", "filter container names by regular expression", set_filter},
    {"groups", 'g', Takes::kValue, "GROUPS", "comma separated list of groups a container must have to be displayed", set_groups},
    {"json", 0, Takes::kNothing, "", "list everything known as JSON", set_flag<&LsOptions::json>},
};

std::string fancy_text(const std::vector<Listed>& containers, const std::vector<const Column*>& chosen) {
  std::vector<std::vector<std::string>> rows(1);
  for (const Column* column : chosen) rows.front().emplace_back(column->name);
  for (const Listed& container : containers) {
    auto& row = rows.emplace_back();
    for (const Column* column : chosen) {
      std::string text = column->text(container);
      row.push_back(text.empty() ? "-" : std::move(text));
    }
  }
  return layout_table(rows);
}

std::string plain_text(const LsOptions& options, const std::vector<Listed>& containers) {
  std::vector<std::string> names;
  for (const Listed& container : containers) names.push_back(container.parent + container.name);
  if (options.line) {
    std::string text;
    for (const std::string& name : names) text += name + "\n";
    return text;
  }
  if (!os::is_terminal(STDOUT_FILENO)) return layout_words(names, 0);
  const auto size = os::window_size(STDOUT_FILENO);
  return layout_words(names, size && size->ws_col != 0 ? size->ws_col : kDefaultWidth);
}

template <typename T>
void put(JsonWriter& json, std::string_view key, const std::optional<T>& number) {
  json.key(key);
  if (number)
    json.value(*number);
  else
    json.null();
}

std::string json_text(const std::vector<Listed>& containers) {
  JsonWriter json;
  json.begin_array();
  for (const Listed& c : containers) {
    json.begin_object().key("name").value(c.parent + c.name);
    put(json, "state", c.state ? std::optional(runtime::state_name(*c.state)) : std::nullopt);
    put(json, "pid", c.pid);
    json.key("defined").value(c.defined).key("active").value(c.active);
    json.key("autostart").value(c.autostart).key("unprivileged").value(c.unprivileged).key("groups").value(c.groups);
    json.key("interfaces").value(c.interfaces).key("ipv4").value(c.ipv4).key("ipv6").value(c.ipv6);
    put(json, "memory_bytes", c.memory);
    put(json, "swap_bytes", c.swap);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

Result<int> ls(LsOptions& options) {
  if (!options.arguments.empty() && !options.selection.pattern) options.selection.pattern = options.arguments.front();
  options.selection.lxcpath = TRY(lxcpath_of(options));
  if (!options.selection.lxcpath.starts_with('/')) {
    return fail(Error::message(strings::cat("lxcpath is not absolute: '", options.selection.lxcpath, "'"))
                    .hint("give -P (--lxcpath) a path that begins with '/'"));
  }
  std::vector<const Column*> chosen;
  unsigned needs = 0;
  if (options.fancy) chosen = TRY(parse_columns(options.format.empty() ? kDefaultColumns : std::string_view(options.format)));
  for (const Column* column : chosen) needs |= column->needs;
  if (options.json) needs = ~0U;
  const auto containers = TRY(list_containers(options.selection, needs));
  const std::string text = options.json    ? json_text(containers)
                           : options.fancy ? fancy_text(containers, chosen)
                                           : plain_text(options, containers);
  // LXC shows not even a head when there is nothing below it.
  if (!containers.empty() || options.json) print(text);
  return 0;
}

}  // namespace

int run_ls(int argc, char** argv) { return run_command<LsOptions>(kLs, argc, argv, ls); }

const Command kLs = {
    "ls",
    "[-1 | -f] [-P lxcpath] [--active] [--running] [--frozen] [--stopped] [--nesting] [-g groups] [--filter regex]",
    "list containers",
    "list the containers below lxcpath",
    kOptions,
    run_ls,
    false,
    false};

}  // namespace berth::cli
