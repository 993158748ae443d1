// What lvs(8) and vgs(8) tell of volumes and groups, and the words that the other programs of LVM take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage::lvm {

struct Volume {
  std::string group, name;
  std::string attributes;  // lv_attr of lvs(8)
  std::uint64_t size = 0;  // bytes
  std::string pool, origin;
  // Per cent, rounded up; nothing where the volume has none. Of a pool: data and metadata; of a thin volume: what it has of its
  // size; of a thick snapshot: how full the room for differences is.
  std::optional<unsigned> data_percent{}, metadata_percent{};
  std::vector<std::string> tags{};

  [[nodiscard]] char kind() const { return attributes.empty() ? '\0' : attributes[0]; }
  [[nodiscard]] bool is_thin() const { return kind() == 'V'; }
  [[nodiscard]] bool is_pool() const { return kind() == 't'; }
  [[nodiscard]] bool is_thick_snapshot() const { return kind() == 's' || kind() == 'S'; }
  [[nodiscard]] bool has_thick_snapshots() const { return kind() == 'o' || kind() == 'O'; }
  [[nodiscard]] bool is_active() const { return attributes.size() > 4 && attributes[4] == 'a'; }
  // The differences had no room any more, and are lost.
  [[nodiscard]] bool is_invalid() const { return attributes.size() > 4 && (attributes[4] == 'I' || attributes[4] == 'S'); }
  [[nodiscard]] bool is_open() const { return attributes.size() > 5 && attributes[5] == 'o'; }
  [[nodiscard]] std::string full_name() const { return group + "/" + name; }
  [[nodiscard]] std::string path() const { return "/dev/" + group + "/" + name; }
};

struct Group {
  std::uint64_t free = 0, extent = 0;  // bytes
};

struct Name {
  std::string group, volume;
};

// "/dev/GROUP/VOLUME". Error: another form, or names that LVM does not take (lvm(8), VALID NAMES).
Result<Name> parse_path(std::string_view path);

// One line for each volume, as kVolumeFields asks for it. Error: the line that is not understood.
Result<std::vector<Volume>> parse_volumes(std::string_view text);
Result<Group> parse_group(std::string_view text);

// Nothing: the group has no such volume. Error: there is no such group (ENOENT), no LVM.
Result<std::optional<Volume>> find_volume(const Name& name);
Result<Volume> volume_at(const std::string& path);  // ENOENT when there is none
Result<std::vector<Volume>> snapshots_of(const Volume& volume);
Result<Group> find_group(const std::string& group);
// One of LVM's programs. Its messages are in the Error.
Status run(const std::string& program, std::vector<std::string> arguments);

}  // namespace berth::storage::lvm
