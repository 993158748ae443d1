// The directory of a container that is being made: claimed against others, taken back when the making fails.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "os/lock.hpp"
#include "runtime/container.hpp"
#include "runtime/partial.hpp"

namespace berth::runtime {

class NewDirectory {
 public:
  explicit NewDirectory(const Container& container) : container_(container), directory_(container.directory()) {}

  // What may be there already: nothing, a directory without a configuration, or one with it.
  enum class Existing { kNothing, kDirectory, kDefinition };
  // Makes LXCPATH where it is missing, the directory, and the locked mark `partial` in it; what an earlier making that was killed
  // left is removed first. Errors: there is more than `existing`, or the container is being made; nothing was changed then. Waits
  // for who holds the container.
  Status claim(Existing existing);
  // The container is complete.
  Status complete();
  // Takes back what claim() made: a new directory with everything in it; of one that was there before, the mark, and the
  // configuration is what it was. Nothing where the claim failed.
  Status undo();

 private:
  Status make_lxcpath();
  Status begin(Existing existing);
  Result<os::FileLock> lock_free(Existing existing);
  Status remove_killed();
  Status check_free(Existing existing);
  Status check_still_free(Existing existing);
  [[nodiscard]] Error is_defined_already() const;
  [[nodiscard]] Error is_being_created() const;
  Status make_directory(Existing existing);
  [[nodiscard]] bool is_left_over() const;

  const Container& container_;
  std::string directory_;
  Fd mark_;
  std::vector<std::string> made_parents_;
  EarlierEntries earlier_;
  bool made_directory_ = false;
};

}  // namespace berth::runtime
