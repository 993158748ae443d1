// Reading and writing configuration files.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/conf.hpp"

namespace berth::config {

// Applies the file's lines to `conf`, includes in place. The first bad line is the Error: file, line, key, what was expected,
// what was found, and the nearest known key for an unknown one. `conf.unexpanded` receives the text of this file.
Status load_file(Conf& conf, const std::string& path);
// The same for text in memory; `name` stands for the file in messages.
Status load_text(Conf& conf, std::string_view text, const std::string& name);
// Every problem of the file in one run. `conf` receives what has none.
std::vector<Error> check_file(Conf& conf, const std::string& path);

// Sets one key as the API and --define do: also edits `conf.unexpanded`. An empty value clears the key.
Status set_item(Conf& conf, std::string_view key, std::string_view value, const Origin& origin = {});
Status clear_item(Conf& conf, std::string_view key);
// The text that LXC's get_config_item gives; list values end each entry with '\n'. The result is all the memory it takes.
Result<std::string> get_item(const Conf& conf, std::string_view key);
// The same into memory of the caller's, with a NUL byte; gives the length of the whole text, as snprintf(3) does. Takes none
// itself.
Result<std::size_t> copy_item(const Conf& conf, std::string_view key, std::span<char> room);
// The text that LXC's get_keys gives, each name ended by '\n': all keys for an empty prefix; for "lxc.net.N", or what stands
// below it, the subkeys that this network can have; for any other prefix what can follow it and, where that is open, what does.
// An Error where nothing stands below the prefix.
Result<std::string> keys_text(const Conf& conf, std::string_view prefix);
Result<std::size_t> copy_keys(const Conf& conf, std::string_view prefix, std::span<char> room);
// Every key that has a value, with that value: what the monitor answers to get_config_item.
std::vector<std::pair<std::string, std::string>> all_items(const Conf& conf);
bool is_supported(std::string_view key);

// Writes conf.unexpanded, atomically, mode 0640.
Status save_file(const Conf& conf, const std::string& path);

}  // namespace berth::config
