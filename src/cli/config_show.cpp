// Runs in: host commands.
#include <set>

#include "cli/config_words.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "config/key_table.hpp"
#include "config/parser.hpp"

namespace berth::cli {
namespace {

struct ShowOptions : Common {
  bool json = false, origin = false;
};

constexpr Option kOptions[] = {
    {"origin", 0, Takes::kNothing, "", "Say which line of which file set each value", set_flag<&ShowOptions::origin>},
    {"json", 0, Takes::kNothing, "", "Print the values as JSON", set_flag<&ShowOptions::json>},
};

const Command kShow = {
    "config show", "--name=NAME [KEY...]", "", "show what the configuration of the container NAME comes to, includes and all",
    kOptions,      run_config_show};

struct Value {
  std::string key, text;
  Origin origin;  // unknown: the default
};

// A list has a line for each of its values; where they can't be told apart, the last line stands for all.
void append_values(std::vector<Value>& values, const config::Conf& conf, const std::string& key, const std::string& text) {
  const std::vector<Origin> origins = conf.origins_of(key);
  const auto pieces = strings::split(strings::trim_right(text, "\n"), '\n');
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Origin* origin = origins.size() == pieces.size() ? &origins[i] : origins.empty() ? nullptr : &origins.back();
    values.push_back({key, std::string(pieces[i]), origin == nullptr ? Origin{} : *origin});
  }
}

// "lxc.prlimit" stands for all keys below it, which are shown themselves.
bool stands_for_others(std::string_view name) {
  const config::KeyRef ref = config::find_key(name);
  return ref.key != nullptr && ref.key->is(config::kPrefix) && ref.sub.empty();
}

Result<std::vector<Value>> collect(const ShowOptions& options, const config::Conf& conf) {
  std::vector<Value> values;
  std::set<std::string, std::less<>> wanted(options.arguments.begin(), options.arguments.end());
  for (const std::string& key : wanted) {
    if (!config::is_supported(key)) TRY(config::get_item(conf, key));  // the refusal, with the key that was meant
  }
  for (const auto& [key, text] : config::all_items(conf)) {
    if (!stands_for_others(key) && (wanted.empty() || wanted.contains(key))) append_values(values, conf, key, text);
  }
  return values;
}

std::string place_of(const Origin& origin) {
  if (!origin.known()) return "default";
  return origin.line == 0 ? origin.file : strings::cat(origin.file, ':', origin.line);
}

void print_json(const std::vector<Value>& values) {
  JsonWriter json;
  json.begin_array();
  for (const Value& value : values) {
    json.begin_object().key("key").value(value.key).key("value").value(value.text);
    if (value.origin.known())
      json.key("file").value(value.origin.file).key("line").value(value.origin.line);
    else
      json.key("file").null().key("line").null();
    json.end_object();
  }
  print(json.end_array().take());
}

Result<int> show(ShowOptions& options) {
  const auto container = TRY(open_container(options));
  if (options.rcfile.empty() && !container.defined()) return fail(no_such_container(container));
  config::Conf conf = TRY(container.load());
  const std::vector<Value> values = TRY(collect(options, conf));
  if (options.json) {
    print_json(values);
    return 0;
  }
  for (const Value& value : values) {
    if (options.origin) print(strings::cat(place_of(value.origin), ": "));
    print(strings::cat(value.key, " = ", value.text, '\n'));
  }
  return 0;
}

}  // namespace

int run_config_show(int argc, char** argv) { return run_command<ShowOptions>(kShow, argc, argv, show); }

}  // namespace berth::cli
