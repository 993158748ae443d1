// Archives of containers: the manifest, and the names of members.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "member.hpp"
#include "runtime/backup/manifest.hpp"

namespace {

using namespace berth;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_component(std::string_view piece) {
  require(!piece.empty() && piece != "." && piece != ".." && piece.size() <= archive::kLongestName);
  require(piece.find('/') == piece.npos && piece.find('\0') == piece.npos);
}

void check_names(std::string_view name) {
  if (const auto pieces = archive::components_of(name)) {
    require(!pieces->empty() && pieces->size() <= archive::kDeepest && !name.starts_with('/'));
    for (const std::string_view piece : *pieces) check_component(piece);
  }
  if (const auto placed = archive::place_of(name)) {
    require(name.starts_with(placed->place));
    for (const std::string_view piece : placed->below) check_component(piece);
  }
  const auto back = archive::unescaped_attribute(archive::escaped_attribute(name));
  require(name.empty() || name.find('\0') != name.npos || (back && *back == name));
}

void check_manifest(std::string_view text) {
  const auto manifest = runtime::parse_manifest(text);
  if (!manifest) return;
  for (const auto& [member, path] : manifest->container.files) {
    require(!path.starts_with('/') && !path.starts_with("../") && path.find("/../") == path.npos && path != "config");
    require(!member.empty());
  }
  require(manifest->container.name.find('/') == std::string::npos && manifest->container.directory.starts_with('/'));
  const std::string again = runtime::manifest_text(*manifest);
  const auto read = runtime::parse_manifest(again);
  require(read && runtime::manifest_text(*read) == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_names(text);
  check_manifest(text);
  return 0;
}
