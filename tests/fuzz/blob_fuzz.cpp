// The plan's blob: whatever the bytes, reading steps, texts and lists stays inside them.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "child/blob.hpp"

namespace {

std::size_t total(const char* text) { return std::strlen(text); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The view wants an aligned block, as a mapping is.
  std::vector<std::uint64_t> aligned(size / 8 + 1);
  std::memcpy(aligned.data(), data, size);
  if (size >= sizeof(berth::child::BlobHeader)) {
    auto* header = reinterpret_cast<berth::child::BlobHeader*>(aligned.data());
    header->magic = berth::child::kBlobMagic;
    header->size = static_cast<std::uint32_t>(size);
  }
  const berth::child::BlobView view(aligned.data(), size);
  if (!view.valid()) return 0;
  std::size_t sum = 0;
  for (std::uint32_t i = 0; i < view.step_count(); ++i) {
    const berth::child::Step& step = view.step(i);
    for (const std::uint32_t text : step.text) sum += total(view.text(text));
    for (const std::uint32_t offset : step.list) {
      const auto list = view.list(offset);
      for (std::uint32_t k = 0; k < list.size() && k < 64; ++k) sum += total(list[k]);
    }
  }
  return sum == SIZE_MAX ? 1 : 0;
}
