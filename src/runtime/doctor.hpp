// Looks for what killed or failed operations left of a container, and ends or removes it.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

struct Finding {
  std::string directory;  // of the container (or of the claims of places in pools) that it was found at
  std::string what;       // "a copy or creation that was killed"
  std::string remedy{};   // what a repair does; empty: only a person can decide it
  bool repaired = false;
  std::string failure{};  // why it could not be repaired
};

// Of one container, its snapshots with it. Looks, and changes something only with `repair`: then what has a remedy is ended or
// removed under the container's lock, and what is ambiguous stays as it is. Nothing that others are at work on is a finding.
// Error: the container can't be looked at.
Result<std::vector<Finding>> examine(const Container& container, bool repair);
// Of all in `lxcpath`, what has no configuration too.
Result<std::vector<Finding>> examine_all(const std::string& lxcpath, bool repair);
// What belongs to no container any more: claims of places in pools.
Result<std::vector<Finding>> examine_host(bool repair);

}  // namespace berth::runtime
