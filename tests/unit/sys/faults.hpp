// Fails chosen system calls, and counts descriptors, so that tests can prove that failures are told and leak nothing.
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <string>

#include "sys/raw.hpp"

namespace berth::testing {

// The n-th call (from 1) of number `number` (or of any number: kAnyCall) returns -error while the object lives, whichever thread
// makes it.
class ScopedFault {
 public:
  static constexpr long kAnyCall = -1;
  ScopedFault(long number, int nth, int error) : scope_(dispatch) {
    state().number = number;
    state().nth = nth;
    state().error = error;
    state().seen = 0;
  }
  [[nodiscard]] static bool fired() { return state().seen >= state().nth; }

 private:
  struct State {
    long number = 0;
    int nth = 0, error = 0;
    std::atomic<int> seen = 0;
  };
  static State& state() {
    static State instance;
    return instance;
  }
  // Left alone: what only ends or restores, and whose failure nobody can act on.
  static bool spared(long number) { return number == SYS_exit_group || number == SYS_rt_sigprocmask || number == SYS_waitid; }
  static long dispatch(long number, long a, long b, long c, long d, long e, long f) {
    State& now = state();
    const bool matches = now.number == kAnyCall ? !spared(number) : number == now.number;
    if (matches && ++now.seen == now.nth) return -now.error;
    return sys::raw::kernel(number, a, b, c, d, e, f);
  }
  sys::raw::ScopedDispatch scope_;
};

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* dir = ::opendir("/proc/self/fd");
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}

// A directory of its own, removed with its (flat or nested) content.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/berth-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  static void remove(const std::string& path) {
    if (DIR* dir = ::opendir(path.c_str()); dir != nullptr) {
      while (const dirent* entry = ::readdir(dir)) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        const std::string below = path + "/" + name;
        if (entry->d_type == DT_DIR)
          remove(below);
        else
          ::unlink(below.c_str());
      }
      ::closedir(dir);
    }
    ::rmdir(path.c_str());
  }
  std::string path_;
};

}  // namespace berth::testing
