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
  Status request(bool frozen);
  // The kernel has done what was asked.
  [[nodiscard]] Result<bool> reached(bool frozen) const;
  // Says the last request again, for as long as it has not been reached. The freezer of v1 passes over a task that is about to
  // wait for its vfork() child, and stays in FREEZING until it is asked again (the kernel's document on it leaves that to the
  // writer). v2 needs no second word.
  [[nodiscard]] Status repeat() const;

 private:
  [[nodiscard]] Status write_v1() const;

  std::string file_;
  bool unified_;
  bool wish_ = false;
};

}  // namespace berth::monitor
