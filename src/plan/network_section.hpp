// From the configuration's text of one lxc.net.N block to the types of the network layer.
#pragma once

#include "base/result.hpp"
#include "config/conf.hpp"
#include "network/section.hpp"

namespace berth::plan {

// The values have been checked when they were read; an Error names one that has not.
Result<network::Section> network_section(const config::NetworkConf& conf);

}  // namespace berth::plan
