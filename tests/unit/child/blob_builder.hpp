// Builds blobs by hand for tests of the child layer, which must not depend on the plan layer's encoder.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "child/blob.hpp"

namespace berth::test {

class BlobBuilder {
 public:
  std::uint32_t text(const std::string& value) {
    const auto at = static_cast<std::uint32_t>(base() + tail_.size());
    tail_.append(value.c_str(), value.size() + 1);
    return at;
  }
  std::uint32_t list(const std::vector<std::string>& values) {
    std::vector<std::uint32_t> words{static_cast<std::uint32_t>(values.size())};
    for (const auto& value : values) words.push_back(text(value));
    while (tail_.size() % 8 != 0) tail_.push_back('\0');
    const auto at = static_cast<std::uint32_t>(base() + tail_.size());
    tail_.append(reinterpret_cast<const char*>(words.data()), words.size() * 4);
    return at;
  }
  std::uint32_t block(const std::string& bytes) {
    while (tail_.size() % 8 != 0) tail_.push_back('\0');
    const auto at = static_cast<std::uint32_t>(base() + tail_.size());
    const auto size = static_cast<std::uint32_t>(bytes.size());
    tail_.append(reinterpret_cast<const char*>(&size), sizeof size).append(bytes);
    return at;
  }
  // At most kMaxSteps.
  void add(const child::Step& step) { steps_.push_back(step); }
  child::MonitorSettings settings = {};
  std::string finish() const {
    std::string blob(base(), '\0');
    child::BlobHeader header;
    header.step_offset = kStepOffset;
    header.step_count = static_cast<std::uint32_t>(steps_.size());
    header.settings = settings;
    blob += tail_;
    blob.push_back('\0');
    header.size = static_cast<std::uint32_t>(blob.size());
    std::memcpy(blob.data(), &header, sizeof header);
    if (!steps_.empty()) std::memcpy(blob.data() + kStepOffset, steps_.data(), steps_.size() * sizeof(child::Step));
    return blob;
  }

 private:
  static constexpr std::size_t kMaxSteps = 16;
  static constexpr std::uint32_t kStepOffset = (sizeof(child::BlobHeader) + 7) / 8 * 8;
  static constexpr std::size_t base() { return kStepOffset + kMaxSteps * sizeof(child::Step); }
  std::vector<child::Step> steps_;
  std::string tail_;
};

}  // namespace berth::test
