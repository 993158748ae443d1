// An owner of a descriptor for code that may call nothing of the C library: between clone and exec, and in helpers.
#pragma once

#include "sys/raw.hpp"

namespace berth::sys::raw {

class ScopedFd {
 public:
  // What a system call returned: a descriptor, or -errno.
  explicit ScopedFd(long fd) : fd_(static_cast<int>(fd)) {}
  ScopedFd(const ScopedFd&) = delete;
  ScopedFd& operator=(const ScopedFd&) = delete;
  ~ScopedFd() { reset(-1); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] long error() const { return fd_; }
  void reset(int fd) {
    if (fd_ >= 0) call(SYS_close, fd_);
    fd_ = fd;
  }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

}  // namespace berth::sys::raw
