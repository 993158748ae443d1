// What an archive says of itself in its first member: docs/archive-format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace berth::runtime {

inline constexpr int kArchiveVersion = 1;

struct PackedRoot {
  std::string type, path;   // as lxc.rootfs.path says them
  std::uint64_t bytes = 0;  // that it takes; 0 = unknown
  std::uint64_t limit = 0;  // its size or quota; 0 = none
  std::string fstype{};     // of what lies on a device; else empty
};

// The container, or one of its snapshots.
struct PackedContainer {
  std::string name, host_name;                  // the second is lxc.uts.name
  std::string directory;                        // where it was
  std::uint32_t uid = 0, gid = 0, mode = 0770;  // of the directory
  std::string timestamp{};                      // of a snapshot, in its own words
  std::optional<PackedRoot> root{};
  std::vector<std::pair<std::string, std::string>> files{};  // member below its place ("0"), path below `directory`
};

// An archive that holds what a store's send() wrote in place of files.
struct PackedStream {
  std::string type;      // of the store
  std::string id, base;  // of what it makes, and of what that is made from (empty: nothing)
};

struct Manifest {
  std::string made_by;  // "berth 0.1.0"
  std::string created;  // UTC, "2026-11-22T13:37:00Z"
  PackedContainer container;
  std::vector<PackedContainer> snapshots{};
  std::optional<PackedStream> stream{};
};

std::string manifest_text(const Manifest& manifest);
// The text may be anybody's. Error: it is none, is of another version, or has a path or name that leads elsewhere than below a
// container's directory.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace berth::runtime
