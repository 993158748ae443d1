// The sign that a container is being destroyed, for what is left of it after a kill: a root that lacks any of its files looks
// whole.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

inline constexpr std::string_view kDestroyMark = "destroying";
// A link in the container's directory, `destroying`, that says its name, and in the end that the root is gone.
std::string destroy_mark_of(const Container& container);
// On the disk when this returns.
Status mark_destroyed(const Container& container);
// The same. From then on what is at the root's place is somebody else's, who may have made it since.
Status mark_root_gone(const Container& container);
Result<bool> root_is_gone(const Container& container);
Status unmark_destroyed(const Container& container);
// Error: its destruction was begun, so that files may be missing. One system call where it was not.
Status check_not_destroyed(const Container& container);

}  // namespace berth::runtime
