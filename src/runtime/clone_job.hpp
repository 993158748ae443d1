// A copy of a container as clone, snapshot and restore need it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/clone.hpp"

namespace berth::runtime {

struct CloneJob {
  CloneRequest request;
  // The configuration is written for this directory of the container; empty: the one in which the copy is made.
  std::string final_directory{};
  // Files that the copy gets before it is complete: name in its directory, text.
  std::vector<std::pair<std::string, std::string>> files{};
  bool source_held = false;  // the caller holds the source's lock
};

Result<Container> run_clone(const Container& source, const CloneJob& job);

}  // namespace berth::runtime
