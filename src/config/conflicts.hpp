// Keys that are valid each for itself and not together, whatever their order.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "config/conf.hpp"

namespace berth::config {

// Each conflict with the line of one of its keys. Starting refuses such a configuration; check_file reports it.
std::vector<Error> find_conflicts(const Conf& conf);

}  // namespace berth::config
