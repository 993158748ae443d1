// Owners that are other numbers in a copy: of files, in access lists, and of the user namespaces that file capabilities belong
// to.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage {

struct IdRange {
  enum class Kind { kUsers, kGroups, kBoth };
  Kind kind = Kind::kBoth;
  std::uint32_t from = 0, to = 0, count = 0;  // ids from, from + 1 ... become to, to + 1 ...
};

class IdShift {
 public:
  IdShift() = default;  // changes nothing
  explicit IdShift(std::vector<IdRange> ranges) : ranges_(std::move(ranges)) {}

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  // Error, naming `path` and the id: it is in no range.
  [[nodiscard]] Result<uid_t> user(uid_t id, std::string_view path) const;
  [[nodiscard]] Result<gid_t> group(gid_t id, std::string_view path) const;
  // The value of the extended attribute `name` with the ids in it changed; most have none.
  Status attribute(std::string_view name, std::string& value, std::string_view path) const;

 private:
  [[nodiscard]] Result<std::uint32_t> look_up(IdRange::Kind kind, std::uint32_t id, std::string_view path) const;
  Status access_list(std::string& value, std::string_view path) const;
  Status capability(std::string& value, std::string_view path) const;
  [[nodiscard]] bool has_user(std::uint32_t id) const;

  std::vector<IdRange> ranges_;
};

}  // namespace berth::storage
