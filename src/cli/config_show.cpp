// Runs in: host commands.
#include <algorithm>

#include "cli/config_words.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "config/key_table.hpp"
#include "config/line.hpp"
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
  std::vector<Origin> origins;  // none: the default
};

bool takes_several_lines(const config::KeyRef& ref) { return ref.key->is(config::kList) || ref.key->is(config::kPrefix); }

// "lxc.prlimit" stands for all keys below it, which are shown themselves.
bool stands_for_others(const config::KeyRef& ref) { return ref.key->is(config::kPrefix) && ref.sub.empty(); }

// Random digits are another address in each process: what is written says more.
std::string template_of(const Origin& origin, const std::string& address) {
  const auto line = config::read_line(origin.text);
  const bool is_template = line && line->value.find_first_of("xX") != std::string_view::npos;
  return is_template ? std::string(line->value) : address;
}

// LXC's getters leave the type out.
std::string complete_text(const config::Conf& conf, const std::string& key, const std::string& text) {
  if (key.ends_with(".hwaddr") && conf.origins_of(key).size() > 0) return template_of(conf.origins_of(key).back(), text);
  return key == "lxc.rootfs.path" && !conf.rootfs.type.empty() ? strings::cat(conf.rootfs.type, ':', text) : text;
}

// A list is shown as lines. Which of them a line of the file set is known where there are as many; else all lines set all.
void append_values(std::vector<Value>& values, const config::Conf& conf, const std::string& key, const std::string& text) {
  const std::vector<Origin> origins = conf.origins_of(key);
  auto pieces = strings::split(strings::trim_right(text, "\n"), '\n');
  std::string joined;
  if (pieces.size() > 1 && !takes_several_lines(config::find_key(key))) {
    for (const std::string_view piece : pieces) joined += strings::cat(joined.empty() ? "" : " ", piece);
    pieces = {joined};
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool one_each = origins.size() == pieces.size();
    values.push_back({key, complete_text(conf, key, std::string(pieces[i])), one_each ? std::vector{origins[i]} : origins});
  }
}

bool is_below(std::string_view key, std::string_view prefix) {
  return key.starts_with(prefix) && (key.size() == prefix.size() || key[prefix.size()] == '.');
}

Result<std::vector<Value>> collect(const ShowOptions& options, const config::Conf& conf) {
  std::vector<Value> values;
  for (const std::string& word : options.arguments) {
    if (!config::is_supported(word)) TRY(config::get_item(conf, word));  // the refusal, with the key that was meant
  }
  for (const auto& [key, text] : config::all_items(conf)) {
    if (stands_for_others(config::find_key(key))) continue;
    const bool wanted = std::ranges::any_of(options.arguments, [&](const std::string& word) { return is_below(key, word); });
    if (options.arguments.empty() || wanted) append_values(values, conf, key, text);
  }
  return values;
}

void tell_unset(const ShowOptions& options, const std::vector<Value>& values) {
  for (const std::string& word : options.arguments) {
    const bool shown = std::ranges::any_of(values, [&](const Value& value) { return is_below(value.key, word); });
    if (!shown) notice(options, strings::cat(word, " is not set"));
  }
}

// "FILE:3", "FILE:3,5", "FILE:3 OTHER:1"
std::string places_of(const std::vector<Origin>& origins) {
  if (origins.empty()) return "default";
  std::string text, file;
  for (const Origin& origin : origins) {
    if (origin.file != file || text.empty())
      text += strings::cat(text.empty() ? "" : " ", origin.file, ':', origin.line);
    else
      text += strings::cat(',', origin.line);
    file = origin.file;
  }
  return text;
}

void print_json(const std::vector<Value>& values) {
  JsonWriter json;
  json.begin_array();
  for (const Value& value : values) {
    json.begin_object().key("key").value(value.key).key("value").value(value.text).key("set_by").begin_array();
    for (const Origin& origin : value.origins)
      json.begin_object().key("file").value(origin.file).key("line").value(origin.line).end_object();
    json.end_array().end_object();
  }
  print(json.end_array().take());
}

Result<int> show(ShowOptions& options) {
  const auto container = TRY(open_container(options));
  if (options.rcfile.empty() && !container.defined()) return fail(no_such_container(container));
  config::Conf conf = TRY(container.load());
  const std::vector<Value> values = TRY(collect(options, conf));
  tell_unset(options, values);
  if (options.json) {
    print_json(values);
    return 0;
  }
  for (const Value& value : values) {
    if (options.origin) print(strings::cat(places_of(value.origins), ": "));
    print(strings::cat(value.key, " = ", config::quoted_value(value.text), '\n'));
  }
  return 0;
}

}  // namespace

int run_config_show(int argc, char** argv) { return run_command<ShowOptions>(kShow, argc, argv, show); }

}  // namespace berth::cli
