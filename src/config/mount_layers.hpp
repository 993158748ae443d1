// The layers of an overlay in the options of a mount: lowerdir=A:B,upperdir=C,workdir=D. A backslash takes the meaning from the
// comma, the colon or the backslash behind it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace berth::config {

enum class Layer { kLower, kUpper, kWork };

// The options with the path of each layer edited; what `edit` leaves as it is, and all else, stays as it is written.
std::string edit_layers(std::string_view options, const std::function<std::string(Layer, const std::string& path)>& edit);

// The same for the options as a line of lxc.mount.entry has them, a field of fstab(5).
std::string edit_layers_of_field(std::string_view field, const std::function<std::string(Layer, const std::string& path)>& edit);

// A path as it stands in such options.
std::string escape_layer(std::string_view path);

}  // namespace berth::config
