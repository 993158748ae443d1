// The library's log: what lxc_log_init asked for.
#pragma once

#include <lxc/lxccontainer.h>

#include <string>

#include "base/result.hpp"

namespace berth::capi {

// A failure, as one line in the log file, and on standard error unless the caller wanted it quiet. Nothing before lxc_log_init.
void write_log(const std::string& container, const Error& error);

}  // namespace berth::capi
