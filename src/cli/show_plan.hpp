// lxc-start --plan. In a file of its own: it takes libraries that the quick commands are without, and these hand the whole
// command over instead (docs/adr/0007).
#pragma once

#include <string_view>

#include "runtime/container.hpp"

namespace berth::cli {

// Prints the steps of the start, carries out none. `form`: "text" or "json".
Result<int> show_plan(const runtime::Container& container, const runtime::StartRequest& request, std::string_view form);

}  // namespace berth::cli
