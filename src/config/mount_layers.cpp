// Runs in: host commands. Pure functions.
#include "config/mount_layers.hpp"

#include <array>

#include "base/strings.hpp"
#include "config/mount_entry.hpp"

namespace berth::config {
namespace {

struct LayerOption {
  std::string_view begin;
  Layer layer;
};
constexpr auto kOptions =
    std::to_array<LayerOption>({{"lowerdir=", Layer::kLower}, {"upperdir=", Layer::kUpper}, {"workdir=", Layer::kWork}});

std::string without_escapes(std::string_view text) {
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    path += text[i];
  }
  return path;
}

// Applies `edit` to the pieces between the separators that nothing protects.
std::string edit_pieces(std::string_view text, char separator, const std::function<std::string(std::string_view)>& edit) {
  std::string result;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == separator) {
      result += edit(text.substr(begin, i - begin)) + separator;
      begin = i + 1;
    }
  }
  return result + edit(text.substr(begin));
}

}  // namespace

std::string edit_layers(std::string_view options, const std::function<std::string(Layer, const std::string& path)>& edit) {
  return edit_pieces(options, ',', [&](std::string_view option) {
    for (const LayerOption& known : kOptions) {
      if (!option.starts_with(known.begin)) continue;
      const auto edit_path = [&](std::string_view written) {
        const std::string path = without_escapes(written);
        const std::string target = edit(known.layer, path);
        return target == path ? std::string(written) : escape_layer(target);
      };
      const std::string_view value = option.substr(known.begin.size());
      return strings::cat(known.begin, known.layer == Layer::kLower ? edit_pieces(value, ':', edit_path) : edit_path(value));
    }
    return std::string(option);
  });
}

std::string edit_layers_of_field(std::string_view field, const std::function<std::string(Layer, const std::string& path)>& edit) {
  const std::string options = decode_mount_field(field);
  const std::string edited = edit_layers(options, edit);
  return edited == options ? std::string(field) : encode_mount_field(edited);
}

std::string escape_layer(std::string_view path) {
  std::string text;
  for (const char c : path) {
    if (c == ',' || c == ':' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace berth::config
