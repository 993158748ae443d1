// Runs in: host commands.
#include "storage/rbd/rbd_output.hpp"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/strings.hpp"

namespace berth::storage::rbd {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDevices = "/dev/rbd/";

bool is_part(std::string_view part) {
  if (part.empty() || part == "." || part == ".." || part.front() == '-') return false;
  return std::ranges::all_of(part, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '@' && c != 127; });
}

Error strange(std::string_view what, std::string_view json) {
  return Error::message(strings::cat("rbd's answer about ", what, " is not understood"), EPROTO)
      .output(strings::printable(json.substr(0, 1000)));
}

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return {};
}

std::optional<std::uint64_t> number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

// An array, or (older releases) an object whose values are what counts.
Result<std::vector<Json>> parse_list(std::string_view json, std::string_view what) {
  const Json list = Json::parse(json, nullptr, false);
  if (!list.is_array() && !list.is_object()) return fail(strange(what, json));
  std::vector<Json> items;
  for (const Json& item : list) {
    if (!item.is_object()) return fail(strange(what, json));
    items.push_back(item);
  }
  return items;
}

Image image_in(const Json& object) {
  std::string space = text(object, "namespace");
  if (space.empty()) space = text(object, "pool_namespace");
  std::string name = text(object, "name");
  if (name.empty()) name = text(object, "image");
  return {text(object, "pool"), std::move(space), std::move(name)};
}

}  // namespace

std::optional<Image> parse_path(std::string_view path) {
  if (!path.starts_with(kDevices)) return std::nullopt;
  const auto parts = strings::split(path.substr(kDevices.size()), '/');
  if ((parts.size() != 2 && parts.size() != 3) || !std::ranges::all_of(parts, is_part)) return std::nullopt;
  return Image{std::string(parts.front()), parts.size() == 3 ? std::string(parts[1]) : "", std::string(parts.back())};
}

std::string path_of(const Image& image) {
  return strings::cat(kDevices, image.pool, image.space.empty() ? "" : "/", image.space, "/", image.name);
}

Result<Info> parse_info(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return fail(strange("an image", json));
  const auto size = number(object, "size");
  if (!size) return fail(strange("an image", json));
  Info info{.size = *size};
  const auto parent = object.find("parent");
  if (parent != object.end() && parent->is_object()) {
    info.parent = Parent{image_in(*parent), text(*parent, "snapshot")};
    if (info.parent->image.name.empty() || info.parent->snapshot.empty()) return fail(strange("an image's parent", json));
  }
  return info;
}

Result<std::vector<Snapshot>> parse_snapshots(std::string_view json) {
  std::vector<Snapshot> snapshots;
  for (const Json& item : TRY(parse_list(json, "snapshots"))) {
    snapshots.push_back({text(item, "name"), text(item, "protected") == "true"});
    if (snapshots.back().name.empty()) return fail(strange("snapshots", json));
  }
  return snapshots;
}

Result<std::vector<Image>> parse_children(std::string_view json) {
  std::vector<Image> children;
  for (const Json& item : TRY(parse_list(json, "clones"))) {
    children.push_back(image_in(item));
    if (children.back().name.empty()) return fail(strange("clones", json));
  }
  return children;
}

Result<std::vector<Mapping>> parse_mappings(std::string_view json) {
  std::vector<Mapping> mappings;
  for (const Json& item : TRY(parse_list(json, "mapped images"))) {
    const std::string snapshot = text(item, "snap");
    mappings.push_back({image_in(item), text(item, "device"), !snapshot.empty() && snapshot != "-"});
    if (mappings.back().image.name.empty() || !mappings.back().device.starts_with("/dev/"))
      return fail(strange("mapped images", json));
  }
  return mappings;
}

Result<std::vector<Listed>> parse_images(std::string_view json) {
  std::vector<Listed> images;
  for (const Json& item : TRY(parse_list(json, "the images of a pool"))) {
    images.push_back({text(item, "image"), text(item, "snapshot")});
    if (images.back().image.empty()) return fail(strange("the images of a pool", json));
  }
  return images;
}

Result<std::vector<std::string>> parse_watchers(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return fail(strange("who uses an image", json));
  std::vector<std::string> addresses;
  const auto watchers = object.find("watchers");
  if (watchers == object.end()) return addresses;
  for (const Json& item : TRY(parse_list(watchers->dump(), "who uses an image"))) addresses.push_back(text(item, "address"));
  return addresses;
}

Result<std::uint64_t> parse_usage(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object() || !object.contains("images")) return fail(strange("what an image uses", json));
  std::uint64_t used = 0;
  for (const Json& item : TRY(parse_list(object.at("images").dump(), "what an image uses")))
    used += number(item, "used_size").value_or(0);
  return used;
}

int failure_code(int exit_status, std::string_view error_output) {
  if (error_output.find("couldn't connect to the cluster") != std::string_view::npos) return ENOTCONN;
  if (exit_status == ENOTEMPTY) return EBUSY;  // it has snapshots
  return exit_status <= 1 || exit_status > 133 ? EIO : exit_status;
}

}  // namespace berth::storage::rbd
