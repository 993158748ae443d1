// Reading side of the blob. No allocation; every offset is checked, an out-of-range one reads as absent.
#pragma once

#include "child/step.hpp"

namespace berth::child {

// A list of strings inside a blob.
class StringList {
 public:
  StringList() = default;
  StringList(const std::byte* base, std::uint32_t size, std::uint32_t offset);
  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] const char* operator[](std::uint32_t index) const;  // never null: "" when out of range

 private:
  const std::byte* base_ = nullptr;
  std::uint32_t blob_size_ = 0;
  const std::uint32_t* offsets_ = nullptr;
  std::uint32_t count_ = 0;
};

// A block of bytes inside a blob.
struct Block {
  const void* data = nullptr;
  std::uint32_t size = 0;
};

class BlobView {
 public:
  // Checks magic, sizes, alignment and that the blob ends in NUL; a view of a bad blob is not valid() and has no steps.
  BlobView(const void* data, std::size_t size);
  [[nodiscard]] bool valid() const { return header_ != nullptr; }
  [[nodiscard]] std::uint32_t step_count() const { return header_ == nullptr ? 0 : header_->step_count; }
  [[nodiscard]] const Step& step(std::uint32_t index) const;
  [[nodiscard]] const MonitorSettings& settings() const { return header_->settings; }
  [[nodiscard]] const char* text(std::uint32_t offset) const;  // never null: "" when absent
  [[nodiscard]] bool has(std::uint32_t offset) const { return offset != 0; }
  [[nodiscard]] Block block(std::uint32_t offset) const;  // empty when absent
  [[nodiscard]] StringList list(std::uint32_t offset) const { return {base_, size_, offset}; }

 private:
  const std::byte* base_ = nullptr;
  std::uint32_t size_ = 0;
  const BlobHeader* header_ = nullptr;
};

}  // namespace berth::child
