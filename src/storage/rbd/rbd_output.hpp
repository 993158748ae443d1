// What the rbd command prints with --format json, as data. Pure; the forms of Ceph 12 and later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage::rbd {

// "/dev/rbd/POOL/NAME" and "/dev/rbd/POOL/NAMESPACE/NAME": where udev's rules link a mapped image to.
struct Image {
  std::string pool, space, name;  // space: the namespace, empty = the default one
  bool operator==(const Image&) const = default;
};
// Nothing for anything else: a part that is empty, "." or "..", begins with '-', or holds '@', blanks or control characters.
std::optional<Image> parse_path(std::string_view path);
std::string path_of(const Image& image);

struct Snapshot {
  std::string name;
  bool is_protected = false;
};
struct Parent {
  Image image;
  std::string snapshot;
};
struct Info {
  std::uint64_t size = 0;  // bytes
  std::optional<Parent> parent{};
};
struct Mapping {
  Image image;
  std::string device;     // "/dev/rbd0", "/dev/nbd0"
  bool snapshot = false;  // of one of its snapshots
};
struct Listed {
  std::string image, snapshot;  // snapshot: empty for the image itself
};

// Of `rbd info`, `snap ls`, `children`, `device list`, `ls -l`, `status` and `du`. Error (EPROTO): not what rbd prints.
Result<Info> parse_info(std::string_view json);
Result<std::vector<Snapshot>> parse_snapshots(std::string_view json);
Result<std::vector<Image>> parse_children(std::string_view json);
Result<std::vector<Mapping>> parse_mappings(std::string_view json);
Result<std::vector<Listed>> parse_images(std::string_view json);
// Addresses of the clients that have it open.
Result<std::vector<std::string>> parse_watchers(std::string_view json);
// Bytes of the cluster that the image uses, those of its snapshots included.
Result<std::uint64_t> parse_usage(std::string_view json);

// The errno of a failed rbd: it exits with it, but says ENOENT also when there is no cluster (ENOTCONN here).
int failure_code(int exit_status, std::string_view error_output);

}  // namespace berth::storage::rbd
