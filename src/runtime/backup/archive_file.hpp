// The file that an archive is written to: beside its place, until all of it is there.
#pragma once

#include <string>

#include "os/lock.hpp"

namespace berth::runtime {

// The unfinished archive of `target`, TARGET.partial: empty, locked, and nobody else's to read. A new file; or what a killed
// export left there, which is known by its owner, its mode and that it has no other name. Anything else of that name is refused.
Result<os::FileLock> open_partial(const std::string& target);
// Gives it its name, on the disk too.
Status put_in_place(const os::FileLock& partial, const std::string& target, bool replace);

// The directory that a file is in, "." and "/" included.
std::string directory_of(const std::string& path);

}  // namespace berth::runtime
