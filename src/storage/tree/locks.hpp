// Takes away the inode flags that keep an entry from being removed.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace berth::storage {

// Of the directory, and of its entry `name` when that is a file or a directory. The entry's come back when the object goes while
// the file is still there: under another name, or because it could not be removed.
class Unlocked {
 public:
  Unlocked(int directory, const std::string& name);
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked();
  // Something was locked and is not any more: what failed may be tried again.
  [[nodiscard]] bool changed() const { return changed_; }

 private:
  Fd file_;
  unsigned flags_ = 0;
  bool changed_ = false;
};

// One of both is locked (still).
bool is_locked(int directory, const std::string& name);

}  // namespace berth::storage
