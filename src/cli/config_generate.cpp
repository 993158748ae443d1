// Runs in: host commands.
// What is made of the key table for other programs: the manual page, a schema for editors, words for shells.
#include "cli/config_words.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "config/key_table.hpp"

namespace berth::cli {
namespace {

struct GenerateOptions : Common {};

const Command kGenerate = {"config generate",
                           "man|schema|words",
                           "",
                           "print the manual page lxc.container.conf(5), a JSON schema, or all keys, one a line",
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

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  // A line that begins so would be a request.
  return !out.empty() && (out.front() == '.' || out.front() == '\'') ? "\\&" + out : out;
}

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

// --- JSON Schema, draft 2020-12: of the file as an object with a member for each key
// -----------------------------------------------

std::string pattern_of(const config::Key& key) {
  std::string pattern = "^";
  for (const char c : key.name) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
  const std::size_t number = pattern.find("\\.N\\.");
  if (number != std::string::npos) pattern.replace(number + 2, 1, "[0-9]+");
  if (key.name == "lxc.net") return pattern + "(\\.[0-9]+)?$";
  return pattern + (key.is(config::kPrefix) ? "(\\.[^.]+)*$" : "$");
}

void write_property(JsonWriter& json, const config::Key& key) {
  json.begin_object().key("description").value(key.documentation).key("$comment").value(key.syntax);
  if (key.is(config::kList)) {
    json.key("type").value(std::vector<std::string>{"string", "array"});
    json.key("items").begin_object().key("type").value("string").end_object();
  } else {
    json.key("type").value("string");
  }
  json.key("examples").begin_array().value(key.example).end_array().end_object();
}

void print_schema() {
  JsonWriter json;
  json.begin_object().key("$schema").value("https://json-schema.org/draft/2020-12/schema");
  json.key("title").value("lxc.container.conf").key("type").value("object").key("additionalProperties").value(false);
  json.key("patternProperties").begin_object();
  each_section([&](std::string_view, std::span<const config::Key> keys) {
    for (const config::Key& key : keys) {
      json.key(pattern_of(key));
      write_property(json, key);
    }
  });
  print(json.end_object().end_object().take());
}

// --- words for completion ------------------------------------------------------------------------------------------------------

void print_words() {
  each_section([](std::string_view, std::span<const config::Key> keys) {
    for (const config::Key& key : keys) print(strings::cat(key.name, key.is(config::kPrefix) ? "." : "", '\t', key.syntax, '\n'));
  });
}

Result<int> generate(GenerateOptions& options) {
  const std::string what = options.arguments.empty() ? "" : strings::join(options.arguments, " ");
  if (what == "man")
    print_manual();
  else if (what == "schema")
    print_schema();
  else if (what == "words")
    print_words();
  else
    return fail(Error::message(what.empty() ? "nothing to generate" : strings::cat("'", what, "' can't be generated"))
                    .hint("man, schema and words can"));
  return 0;
}

}  // namespace

int run_config_generate(int argc, char** argv) { return run_command<GenerateOptions>(kGenerate, argc, argv, generate); }

}  // namespace berth::cli
