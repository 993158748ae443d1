// What a killed command left for others to end or remove: they do it with their own rights, so they look at who wrote it.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime {

// Opens for reading a regular file of root's or the caller's that nobody else can write. Errors: EPERM, with `way_out` as its
// hint, for every other one; ELOOP for a symbolic link; ENOENT.
Result<Fd> open_believed(const std::string& path, std::string_view way_out);

}  // namespace berth::runtime
