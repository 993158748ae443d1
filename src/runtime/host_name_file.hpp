// The name of a host as its own file system tells it.
#pragma once

#include <string>

#include "base/result.hpp"
#include "sys/file.hpp"

namespace berth::runtime {

// Writes `name` into the file etc/hostname below the directory `root`, if there is one. Links are followed inside of `root` only.
Status write_hostname(const std::string& root, const std::string& name, sys::Durable durable = sys::Durable::kLater);
// That would succeed, as far as it can be told without writing.
Status check_hostname(const std::string& root);

}  // namespace berth::runtime
