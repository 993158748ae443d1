// The directory of a container that goes. It may be a symbolic link to where the files lie, as a container is moved to a larger
// disk.
#pragma once

#include <string>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// Where the files lie: the directory itself, or what the link leads to. Also for what is not there.
Result<std::string> real_directory(const Container& container);

// Error: it is a link that is not to be followed by who removes: somebody else's, to somebody else's directory, to another
// container (by whatever name), or to what holds the lxcpath.
Status check_own_directory(const Container& container);

// After its contents: the directory, and the link when that has gone. Success too where somebody else has begun in it, or was
// quicker.
Status remove_own_directory(const Container& container);

}  // namespace berth::runtime
