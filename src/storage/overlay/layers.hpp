// The path of an overlay, LOWER[:LOWER...]:UPPER, and what it stands for.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "storage/attachment.hpp"

namespace berth::storage::overlay {

struct Layers {
  std::vector<std::string> lowers;  // the uppermost first
  std::string upper;                // what the container changed
  std::string work;                 // the kernel's, on the same file system: beside `upper`, "work" ("olwork" beside "delta0")

  // The directory of container and upper layer, when that is CONTAINER/overlay/delta; else empty.
  [[nodiscard]] std::string owner() const;
  // CONTAINER/rootfs, when it is the only lower layer: made with the upper one, and this container's alone. Else empty.
  [[nodiscard]] std::string own_lower() const;
};

// Error: no absolute paths, or fewer than two. A colon or a backslash in a path has a backslash before it, as in the options of
// the kernel; a backslash before anything else is one.
Result<Layers> parse_layers(std::string_view path);
std::string layers_path(const std::vector<std::string>& lowers, const std::string& upper);
// Nothing but the kernel's is in the work directory, or it is absent, or it is the overlay's own by its place (beside a layer
// that this program or LXC made).
Result<bool> is_own_work(const Layers& layers);
// The mount empties the directory `work` in it. Error: it is somebody's.
Status check_work(const Layers& layers);
// "CONTAINER/overlay/delta".
std::string upper_in(std::string_view container);

// Attributes of this mount are in the namespace "user": for those who are not root of the host (Linux 5.11).
bool needs_user_attributes();

// For fsconfig(2). To read, the upper layer is the uppermost of the lower ones: that touches nothing, and may be done beside a
// running container. Error ENAMETOOLONG: fsconfig takes 255 bytes.
Result<std::vector<std::pair<std::string, std::string>>> mount_options(const Layers& layers, Access access);

}  // namespace berth::storage::overlay
