// What is behind an api::Config.
#pragma once

#include <berth/config.hpp>

#include "api/boundary.hpp"
#include "config/conf.hpp"

namespace berth::api {
inline namespace v0 {

struct Config::Impl {
  config::Conf conf;
};

}  // namespace v0

Config wrapped(config::Conf conf);

// What a moved-from object reads as.
const config::Conf& conf_of(const std::unique_ptr<Config::Impl>& impl);

// Calls `body(conf)`, which gives a berth::Status, with a copy that takes the place of the configuration when all went well.
template <typename Body>
Status changed(const std::unique_ptr<Config::Impl>& impl, const Body& body) {
  return bordered([&]() -> berth::Status {
    if (!impl) return berth::fail(moved_from());
    config::Conf copy = impl->conf;
    TRY(body(copy));
    impl->conf = std::move(copy);
    return {};
  });
}

// In place of what the key was; an empty value clears it alone.
berth::Status put(config::Conf& conf, const std::string& key, const std::string& value);

}  // namespace berth::api
