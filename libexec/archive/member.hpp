// The names of an archive's members, and what may be made of them. Names come from whoever made the archive.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::archive {

inline constexpr std::string_view kManifest = "berth-manifest.json", kChecksum = "berth-checksum.sha256";
inline constexpr std::size_t kLongestName = 255, kDeepest = 1000;  // bytes of a component; components

// A name cut into its components. Error: it is absolute, or has "..", ".", an empty component (but one '/' at the end), a NUL, or
// is longer or deeper than a file system takes.
Result<std::vector<std::string_view>> components_of(std::string_view name);

// Where a member goes: "root", "container", "stream", "snapshots/NAME/root" or "snapshots/NAME/container".
struct Placed {
  std::string place;
  std::vector<std::string_view> below;  // views of the name; empty: the place itself
};
Result<Placed> place_of(std::string_view name);

// What a system container has in its /dev, and the mark of a removed file in an overlay.
bool is_usual_device(mode_t type, unsigned major, unsigned minor);

// Names of extended attributes that a pax header can't hold are written in another form, and read back.
std::string escaped_attribute(std::string_view name);
Result<std::string> unescaped_attribute(std::string_view name);

// Attributes by which an archive says what tar has no words for.
inline constexpr std::string_view kSocketAttribute = "berth.socket", kFlagsAttribute = "berth.flags",
                                  kEscapePrefix = "berth.hex.";

}  // namespace berth::archive
