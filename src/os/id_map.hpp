// User and group ids of the two sides of a user namespace, as types that do not mix, and the map between them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::os {

template <typename Tag>
struct Id {
  std::uint32_t value = 0;
  auto operator<=>(const Id&) const = default;
};
using HostUid = Id<struct HostUidTag>;
using HostGid = Id<struct HostGidTag>;
using ContainerUid = Id<struct ContainerUidTag>;
using ContainerGid = Id<struct ContainerGidTag>;

struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t host = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// The untyped core. The kernel takes 340 ranges, none overlapping another on either side (user_namespaces(7)).
class IdRanges {
 public:
  // Error: empty, reaching past 2^32 - 1 ids, overlapping an earlier range, or one more than the kernel takes.
  Status add(const IdRange& range);
  [[nodiscard]] const std::vector<IdRange>& ranges() const { return ranges_; }
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  // The lines of /proc/PID/uid_map: "inside host count\n" each.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::optional<std::uint32_t> to_host(std::uint32_t inside) const;
  [[nodiscard]] std::optional<std::uint32_t> to_inside(std::uint32_t host) const;

 private:
  std::vector<IdRange> ranges_;
};

template <typename Inside, typename Host>
class IdMap : public IdRanges {
 public:
  [[nodiscard]] std::optional<Host> host(Inside id) const { return wrap<Host>(to_host(id.value)); }
  [[nodiscard]] std::optional<Inside> inside(Host id) const { return wrap<Inside>(to_inside(id.value)); }

 private:
  template <typename T>
  static std::optional<T> wrap(std::optional<std::uint32_t> value) {
    if (!value) return std::nullopt;
    return T{*value};
  }
};
using UidMap = IdMap<ContainerUid, HostUid>;
using GidMap = IdMap<ContainerGid, HostGid>;

// The text of a uid_map or gid_map as the kernel shows it. Error names the line.
Result<IdRanges> parse_id_ranges(std::string_view text);

}  // namespace berth::os
