// Runs in: a program that links libberth.
#include "api/config_impl.hpp"

#include "base/strings.hpp"
#include "config/key_table.hpp"
#include "config/parser.hpp"

namespace berth::api {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : strings::split(text, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

}  // namespace

Config wrapped(config::Conf conf) { return Config(std::make_unique<Config::Impl>(Config::Impl{std::move(conf)})); }

const config::Conf& conf_of(const std::unique_ptr<Config::Impl>& impl) {
  static const config::Conf kEmpty;
  return impl ? impl->conf : kEmpty;
}

berth::Status put(config::Conf& conf, const std::string& key, const std::string& value) {
  TRY(config::clear_item(conf, key));
  if (value.empty()) return {};
  return config::set_item(conf, key, value);
}

inline namespace v0 {

Config::Config() : impl_(std::make_unique<Impl>()) {}
Config::Config(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Config::Config(Config&&) noexcept = default;
Config& Config::operator=(Config&&) noexcept = default;
Config::~Config() = default;
Config Config::copy() const { return wrapped(conf_of(impl_)); }

Result<Config> Config::from_file(const std::string& path) {
  return bordered([&]() -> berth::Result<Config> {
    config::Conf conf;
    TRY(config::load_file(conf, path));
    return wrapped(std::move(conf));
  });
}

Result<Config> Config::from_text(std::string_view text, const std::string& name) {
  return bordered([&]() -> berth::Result<Config> {
    config::Conf conf;
    TRY(config::load_text(conf, text, name));
    return wrapped(std::move(conf));
  });
}

Status Config::load(const std::string& path) {
  return changed(impl_, [&](config::Conf& conf) -> berth::Status { return config::load_file(conf, path); });
}

Status Config::save(const std::string& path) const {
  return bordered([&]() -> berth::Status { return config::save_file(conf_of(impl_), path); });
}

std::string Config::text() const { return conf_of(impl_).unexpanded; }

Result<std::string> Config::get(const std::string& key) const {
  return bordered([&]() -> berth::Result<std::string> { return config::get_item(conf_of(impl_), key); });
}

Result<std::vector<std::string>> Config::get_list(const std::string& key) const {
  return bordered(
      [&]() -> berth::Result<std::vector<std::string>> { return lines_of(TRY(config::get_item(conf_of(impl_), key))); });
}

Status Config::set(const std::string& key, const std::string& value) {
  return changed(impl_, [&](config::Conf& conf) -> berth::Status { return config::set_item(conf, key, value); });
}

Status Config::replace(const std::string& key, const std::string& value) {
  return changed(impl_, [&](config::Conf& conf) -> berth::Status { return put(conf, key, value); });
}

Status Config::clear(const std::string& key) {
  return changed(impl_, [&](config::Conf& conf) -> berth::Status { return config::clear_item(conf, key); });
}

Result<std::vector<std::string>> Config::keys(const std::string& prefix) const {
  return bordered(
      [&]() -> berth::Result<std::vector<std::string>> { return lines_of(TRY(config::keys_text(conf_of(impl_), prefix))); });
}

std::vector<std::pair<std::string, std::string>> Config::items() const { return config::all_items(conf_of(impl_)); }

bool Config::is_supported(const std::string& key) { return config::is_supported(key); }

}  // namespace v0
}  // namespace berth::api
