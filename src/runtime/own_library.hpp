// For the libraries that programs link: what a command knows from its own path and options.
#pragma once

#include <string>

#include "base/result.hpp"

namespace berth::runtime {

// Has berth's programs be looked for beside the library that `code` is a part of. For the library's constructor: there is one
// thread.
void look_beside_library_of(const void* code);

// lxc.lxcpath where it is empty; without slashes at its end. Error: not absolute.
Result<std::string> resolve_lxcpath(std::string lxcpath);

}  // namespace berth::runtime
