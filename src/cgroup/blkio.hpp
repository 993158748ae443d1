// Block i/o: blkio on v1 is io on v2, and its weight has two names there. Inside this layer only.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cgroup/driver.hpp"

namespace berth::cgroup {

// The same controller's name in the other version.
std::string_view v2_controller(std::string_view v1_name);
std::string_view v1_controller(std::string_view v2_name);

std::optional<std::vector<Setting>> blkio_to_v2(const Setting& setting);
std::optional<std::vector<Setting>> io_to_v1(const Setting& setting);

// io.weight, unless the kernel of this host offers io.bfq.weight only; then `asked` (blkio.weight) in BFQ's range.
Setting localize_weight(const Setting& translated, const Setting& asked, const Placement& unified);

}  // namespace berth::cgroup
