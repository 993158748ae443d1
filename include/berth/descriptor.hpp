// The owner of a file descriptor.
#pragma once

#include <berth/export.hpp>

#include <utility>

namespace berth::api {
inline namespace v0 {

// Move-only; closes it in the end. Descriptors that the library gives are close-on-exec.
class [[nodiscard]] Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }  // -1: none
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  BERTH_API void reset(int fd = -1) noexcept;
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace v0
}  // namespace berth::api
