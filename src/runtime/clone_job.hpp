// A copy of a container as clone, snapshot and restore need it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/clone.hpp"
#include "runtime/dependants.hpp"
#include "runtime/moved_config.hpp"

namespace berth::runtime {

struct CloneJob {
  CloneRequest request;
  // The configuration is written for this directory of the container; empty: the one in which the copy is made.
  std::string final_directory{};
  // Where the root is made and where it will be in the end, both of the source's kind; empty: the store's own places.
  std::string root{}, final_root{};
  // What remembers the root until it stands (root_journal.hpp). Empty: the copy's directory, and run_clone() forgets it in the
  // end; else the caller does.
  std::string journal{};
  // Its name among those that share a pool; empty: the copy's own.
  std::string pool_name{};
  // Files that the copy gets before it is complete: name in its directory, text.
  std::vector<std::pair<std::string, std::string>> files{};
  bool source_held = false;  // the caller holds the source's lock
  bool independent = false;  // data are shared only where the source may go afterwards
};

Result<Container> run_clone(const Container& source, const CloneJob& job);

// What is going to be done, decided before anything is made.
struct CloneDraft {
  Container target;
  config::Conf conf{};                            // of the source
  const storage::BackingStore* source = nullptr;  // nullptr: there is no root file system
  const storage::BackingStore* store = nullptr;   // of the copy
  storage::Specs specs{};                         // complete
  bool share = false;                             // the copy shares data with the source
  std::string root{};                             // of the copy, where it is made
  std::string final_root{};                       // where it will be in the end
  std::vector<Dependence> sources{};              // whose storage it needs
  MovedConfig text{};
};

Result<CloneDraft> plan_clone(const Container& source, const CloneJob& job);

}  // namespace berth::runtime
