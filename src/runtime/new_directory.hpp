// The directory of a container that is being made: claimed against others, taken back when the making fails.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

class NewDirectory {
 public:
  explicit NewDirectory(const Container& container) : container_(container), directory_(container.directory()) {}

  // Makes LXCPATH where it is missing, the directory, and the locked mark `partial` in it; what an earlier making that was killed
  // left is removed first. Errors: the container exists or is being made. `may_exist`: a directory without a configuration is
  // taken as it is; else it is an Error too.
  Status claim(bool may_exist);
  // The container is complete.
  Status complete();
  // Takes back what claim() made: a new directory with everything in it; of one that was there before, the mark and the
  // configuration. Nothing where the claim failed.
  Status undo();

 private:
  Status make_lxcpath();
  Status replace_crashed();

  const Container& container_;
  std::string directory_;
  Fd mark_;
  std::vector<std::string> made_parents_;
  bool made_directory_ = false;
};

}  // namespace berth::runtime
