// The freezer of the container's cgroup, as files.
#pragma once

#include <string>

#include "base/result.hpp"

namespace berth::monitor {

class Freezer {
 public:
  // `file`: freezer.state (v1) or cgroup.freeze (v2); empty = the container has none.
  Freezer(std::string file, bool unified) : file_(std::move(file)), unified_(unified) {}

  [[nodiscard]] bool available() const { return !file_.empty(); }
  // Asks for it; the kernel may take its time.
  Status request(bool frozen) const;
  // The kernel has done what was asked.
  [[nodiscard]] Result<bool> reached(bool frozen) const;

 private:
  std::string file_;
  bool unified_;
};

}  // namespace berth::monitor
