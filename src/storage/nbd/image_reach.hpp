// Which other files an image names: whoever made it chose them, and its container reads what is in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::storage::nbd {

struct Backing {
  std::string name, format;  // as the image has them; either may be empty
  bool operator==(const Backing&) const = default;
};
// Of the first bytes of a qcow or qcow2 image (the layout is that of QEMU's docs/interop/qcow2.rst); nothing: it stands alone.
// Errors: its header is damaged, or its data are in another file.
Result<std::optional<Backing>> backing_of(std::string_view start);

// EPERM: the image at `file`, with these first bytes, or one that it is built upon, names a file that is neither in its own
// directory nor a base that a snapshot made (FILE.base-N), one whose format is not said, or is of a format that this can't tell
// of.
Status check_reach(const std::string& file, std::string_view start);

}  // namespace berth::storage::nbd
