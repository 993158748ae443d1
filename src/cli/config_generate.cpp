// Runs in: host commands.
// What is made of the key table for other programs: the manual page, a schema for editors, words for shells.
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/config_words.hpp"
#include "cli/json.hpp"
#include "cli/manual.hpp"
#include "cli/report.hpp"
#include "config/key_table.hpp"

namespace berth::cli {
namespace {

struct GenerateOptions : Common {};

const Command kGenerate = {
    "config generate",
    "man [COMMAND]|schema|words|completion",
    "",
    "print the manual page lxc.container.conf(5) or that of a command, a JSON schema of what\nshow --json prints, "
    "all keys, one a line, or the completion for bash",
    {},
    run_config_generate,
    false,
    false};

template <typename Visit>
void each_section(Visit visit) {
  for (const config::KeySection& section : config::key_sections()) visit(section.title, section.keys);
  visit("Network interfaces", config::network_keys());
}

// --- the manual page: man(7) -------------------------------------------------------------------------------------------------

std::string key_entry(const config::Key& key) {
  std::string out = strings::cat(".TP\n.BR ", roff(key.name), key.is(config::kPrefix) ? ".\\fIX\\fR" : "", "\n");
  out += strings::cat("= \\fI", roff(key.syntax), "\\fR\n.br\n", roff(key.documentation), "\n");
  if (key.is(config::kPrefix) && !key.example.empty())
    out += "A line for each name; an empty value clears.\n";
  else if (key.is(config::kList) && !key.example.empty())
    out += "Each line adds a value, an empty one clears them.\n";
  if (!key.initial.empty()) out += strings::cat("Not set: ", roff(key.initial), ".\n");
  if (key.since == "berth") out += "LXC does not know this key.\n";
  const std::string_view middle = key.example.empty() ? " =" : key.is(config::kPrefix) ? "." : " = ";
  out += strings::cat(".br\nExample:\n.B ", roff(key.name), middle, roff(key.example), "\n");
  return out;
}

void print_manual() {
  print(
      ".TH lxc.container.conf 5 \"\" berth \"File formats\"\n.SH NAME\nlxc.container.conf \\- configuration of a container\n"
      ".SH DESCRIPTION\nThe file\n.I config\nin the container's directory. A line is a key, an equals sign and a value; one that "
      "begins with #\n"
      "is a comment. An empty value clears the key. Order counts: a later line replaces the value of an earlier one, or adds to "
      "it where\n"
      "the key takes several.\n"
      ".B lxc.include\nreads another file, or all files of a directory that end in .conf, in its place.\n"
      ".B berth config check\nfinds all mistakes of a file,\n.B berth config show\nsays what it comes to.\n");
  each_section([](std::string_view title, std::span<const config::Key> keys) {
    print(strings::cat(".SH ", roff(title), "\n"));
    for (const config::Key& key : keys) print(key_entry(key));
  });
  print(".SH SEE ALSO\n.BR lxc (7),\n.BR lxc.conf (5),\n.BR lxc\\-start (1)\n");
}

// --- JSON Schema, draft 2020-12: of what `berth config show --json` prints
// -------------------------------------------------------

std::string pattern_of(const config::Key& key) {
  std::string pattern = "^";
  for (const char c : key.name) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
  const std::size_t number = pattern.find("\\.N\\.");
  if (number != std::string::npos) pattern.replace(number + 2, 1, "[0-9]+");
  return pattern + (key.is(config::kPrefix) ? "\\..+$" : "$");
}

// Actions have no value that could be shown.
bool is_shown(const config::Key& key) { return key.codec.get != nullptr && key.name != "lxc.net"; }

template <typename Visit>
void each_shown(Visit visit) {
  each_section([&](std::string_view, std::span<const config::Key> keys) {
    for (const config::Key& key : keys) {
      if (is_shown(key)) visit(key);
    }
  });
}

void write_keys(JsonWriter& json) {
  json.begin_object().key("type").value("string").key("anyOf").begin_array();
  each_shown([&](const config::Key& key) {
    json.begin_object().key("pattern").value(pattern_of(key)).key("description").value(key.documentation);
    json.key("$comment").value(key.syntax).end_object();
  });
  json.end_array().end_object();
}

// The values of keys that know two alone.
void write_flags(JsonWriter& json) {
  json.begin_array();
  each_shown([&](const config::Key& key) {
    if (key.syntax != "0|1") return;
    json.begin_object().key("if").begin_object().key("properties").begin_object().key("key").begin_object();
    json.key("pattern").value(pattern_of(key)).end_object().end_object().end_object();
    json.key("then").begin_object().key("properties").begin_object().key("value").begin_object();
    json.key("enum").value(std::vector<std::string>{"0", "1"}).end_object().end_object().end_object().end_object();
  });
  json.end_array();
}

void write_places(JsonWriter& json) {
  json.begin_object().key("description").value("The lines that made up the value; none: the default.").key("type").value("array");
  json.key("items").begin_object().key("type").value("object").key("additionalProperties").value(false);
  json.key("required").value(std::vector<std::string>{"file", "line"}).key("properties").begin_object();
  json.key("file").begin_object().key("type").value("string").end_object();
  json.key("line").begin_object().key("type").value("integer").key("minimum").value(0).end_object();
  json.end_object().end_object().end_object();
}

void print_schema() {
  JsonWriter json;
  json.begin_object().key("$schema").value("https://json-schema.org/draft/2020-12/schema");
  json.key("title")
      .value("berth config show --json")
      .key("description")
      .value("The configuration of a container, a value an item.");
  json.key("type")
      .value("array")
      .key("items")
      .begin_object()
      .key("type")
      .value("object")
      .key("additionalProperties")
      .value(false);
  json.key("required").value(std::vector<std::string>{"key", "value", "set_by"}).key("properties").begin_object().key("key");
  write_keys(json);
  json.key("value").begin_object().key("type").value("string").end_object().key("set_by");
  write_places(json);
  json.end_object().key("allOf");
  write_flags(json);
  print(json.end_object().end_object().take());
}

// --- words for completion ------------------------------------------------------------------------------------------------------

void print_words() {
  each_section([](std::string_view, std::span<const config::Key> keys) {
    for (const config::Key& key : keys) print(strings::cat(key.name, key.is(config::kPrefix) ? "." : "", '\t', key.syntax, '\n'));
  });
}

Result<int> generate_page(std::string_view name) {
  for (const Command* command : commands()) {
    if (name != command->name) continue;
    print(manual_page(*command));
    return 0;
  }
  return fail(Error::message(strings::cat("'", name, "' is no command")).hint("'berth' alone lists the commands"));
}

Result<int> generate(GenerateOptions& options) {
  if (options.arguments.size() == 2 && options.arguments.front() == "man") return generate_page(options.arguments.back());
  const std::string what = options.arguments.empty() ? "" : strings::join(options.arguments, " ");
  if (what == "man")
    print_manual();
  else if (what == "schema")
    print_schema();
  else if (what == "words")
    print_words();
  else if (what == "completion")
    print(bash_completion());
  else
    return fail(Error::message(what.empty() ? "nothing to generate" : strings::cat("'", what, "' can't be generated"))
                    .hint("man, schema, words and completion can"));
  return 0;
}

}  // namespace

int run_config_generate(int argc, char** argv) { return run_command<GenerateOptions>(kGenerate, argc, argv, generate); }

}  // namespace berth::cli
