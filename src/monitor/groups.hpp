// The container's control groups as its plan names them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "child/blob.hpp"
#include "runtime/command_protocol.hpp"

namespace berth::monitor {

struct Group {
  std::string controller;      // empty = the unified hierarchy
  std::string payload, limit;  // below `root`
  std::string root;            // of the hierarchy, absolute
  [[nodiscard]] std::string directory(bool of_limit) const { return root + (of_limit ? limit : payload); }
};

std::vector<Group> groups_of(const child::BlobView& blob);
runtime::CgroupLayout layout_of(const std::vector<Group>& groups);
// A hierarchy is meant by each of its controllers, a named one with and without "name="; on a host with the unified hierarchy
// only every name means that. Null: there is none.
const Group* find_group(const std::vector<Group>& groups, std::string_view controller);

}  // namespace berth::monitor
