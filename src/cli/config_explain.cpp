// Runs in: host commands.
#include "cli/config_words.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "config/assign.hpp"
#include "config/key_table.hpp"
#include "config/legacy.hpp"

namespace berth::cli {
namespace {

constexpr std::size_t kWidth = 78;

struct ExplainOptions : Common {
  bool json = false;
};

constexpr Option kOptions[] = {
    {"json", 0, Takes::kNothing, "", "Print it as JSON", set_flag<&ExplainOptions::json>},
};

const Command kExplain = {
    "config explain", "[KEY...]",         "",    "explain configuration keys; without KEY list all there are",
    kOptions,         run_config_explain, false, false};

using Rows = std::vector<const config::Key*>;

Rows all_rows() {
  Rows rows;
  for (const config::KeySection& section : config::key_sections()) {
    for (const config::Key& key : section.keys) rows.push_back(&key);
  }
  for (const config::Key& key : config::network_keys()) rows.push_back(&key);
  return rows;
}

// A key as in a file, or a row as the list shows it: "lxc.net.N.type".
Result<const config::Key*> find_row(const std::string& name) {
  for (const config::Key* key : all_rows()) {
    if (key->name == name) return key;
  }
  if (const auto legacy = config::find_legacy(name); legacy && !legacy->replacement.empty()) {
    return fail(Error::message(strings::cat("\"", name, "\" is the old name of \"", legacy->replacement, "\""))
                    .hint(strings::cat("berth config explain ", legacy->replacement)));
  }
  return TRY(config::resolve_key(name, {})).key;
}

std::string shown_name(const config::Key& key) {
  return strings::cat(key.name, key.is(config::kPrefix) && !key.example.empty() ? ".*" : "");
}

std::string example_line(const config::Key& key) {
  if (key.example.empty()) return strings::cat(key.name, " =");
  return strings::cat(key.name, key.is(config::kPrefix) ? "." : " = ", key.example);
}

std::vector<std::string> notes(const config::Key& key) {
  std::vector<std::string> notes;
  if (key.is(config::kPrefix) && !key.example.empty())
    notes.emplace_back("takes a line for each name, an empty value clears");
  else if (key.is(config::kList) && !key.example.empty())
    notes.emplace_back("may be given again and again: each line adds, an empty value clears");
  if (key.is(config::kLive)) notes.emplace_back("is read whenever it is used: a change needs no restart");
  if (key.since == "berth") notes.emplace_back("is berth's own: LXC does not know it");
  return notes;
}

std::string wrapped(std::string_view text, std::string_view indent) {
  std::string out;
  std::string line(indent);
  for (const std::string_view word : strings::split_words(text)) {
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
  }
  return out + line + "\n";
}

void print_row(const config::Key& key) {
  print(strings::cat(shown_name(key), " = ", key.syntax, '\n'));
  print(wrapped(key.documentation, "    "));
  if (!key.initial.empty()) print(strings::cat("  not set  ", key.initial, '\n'));
  print(strings::cat("  example  ", example_line(key), '\n'));
  if (key.since != "berth") print(strings::cat("  since    LXC ", key.since, key.since == "2.1" ? " or before\n" : "\n"));
  for (const std::string& note : notes(key)) print(strings::cat("  it ", note, '\n'));
}

void write_row(JsonWriter& json, const config::Key& key) {
  json.begin_object().key("key").value(key.name).key("prefix").value(key.is(config::kPrefix));
  json.key("syntax").value(key.syntax).key("documentation").value(key.documentation);
  json.key("not_set").value(key.initial).key("example").value(example_line(key));
  json.key("since").value(key.since).key("list").value(key.is(config::kList));
  json.key("live").value(key.is(config::kLive)).end_object();
}

void print_list() {
  const auto section = [](std::string_view title, std::span<const config::Key> keys) {
    print(strings::cat(title, '\n'));
    for (const config::Key& key : keys) print(strings::cat("  ", shown_name(key), " = ", key.syntax, '\n'));
  };
  for (const config::KeySection& one : config::key_sections()) section(one.title, one.keys);
  section("Below lxc.net", config::network_keys());
}

Result<int> explain(ExplainOptions& options) {
  Rows rows;
  for (const std::string& name : options.arguments) rows.push_back(TRY(find_row(name)));
  if (options.json) {
    if (rows.empty()) rows = all_rows();
    JsonWriter json;
    json.begin_array();
    for (const config::Key* key : rows) write_row(json, *key);
    print(json.end_array().take());
    return 0;
  }
  if (rows.empty()) print_list();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) print("\n");
    print_row(*rows[i]);
  }
  return 0;
}

}  // namespace

int run_config_explain(int argc, char** argv) { return run_command<ExplainOptions>(kExplain, argc, argv, explain); }

}  // namespace berth::cli
