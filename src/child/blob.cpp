// Runs in: caller, monitor and container's first process (no libc, no heap).
#include "child/blob.hpp"

namespace berth::child {
namespace {

constexpr Step kEmptyStep = {};

bool fits(std::uint32_t size, std::uint64_t offset, std::uint64_t length) { return offset <= size && length <= size - offset; }

}  // namespace

StringList::StringList(const std::byte* base, std::uint32_t size, std::uint32_t offset) {
  if (base == nullptr || offset == 0 || offset % alignof(std::uint32_t) != 0 || !fits(size, offset, sizeof(std::uint32_t)))
    return;
  const auto* words = reinterpret_cast<const std::uint32_t*>(base + offset);
  const std::uint32_t count = words[0];
  if (!fits(size, offset + sizeof(std::uint32_t), std::uint64_t{count} * sizeof(std::uint32_t))) return;
  base_ = base;
  blob_size_ = size;
  offsets_ = words + 1;
  count_ = count;
}

const char* StringList::operator[](std::uint32_t index) const {
  if (index >= count_ || offsets_[index] >= blob_size_) return "";
  return reinterpret_cast<const char*>(base_ + offsets_[index]);
}

BlobView::BlobView(const void* data, std::size_t size) {
  const auto* header = static_cast<const BlobHeader*>(data);
  if (data == nullptr || size < sizeof(BlobHeader) || size > UINT32_MAX) return;
  if (header->magic != kBlobMagic || header->size != size || header->step_offset % alignof(Step) != 0) return;
  if (!fits(header->size, header->step_offset, std::uint64_t{header->step_count} * sizeof(Step))) return;
  const auto* bytes = static_cast<const std::byte*>(data);
  if (bytes[size - 1] != std::byte{0}) return;  // so that every string inside ends inside
  base_ = bytes;
  size_ = header->size;
  header_ = header;
}

const Step& BlobView::step(std::uint32_t index) const {
  if (index >= step_count()) return kEmptyStep;
  return *(reinterpret_cast<const Step*>(base_ + header_->step_offset) + index);
}

Block BlobView::block(std::uint32_t offset) const {
  constexpr std::uint32_t kHead = sizeof(std::uint32_t);
  if (offset == 0 || offset % alignof(std::uint32_t) != 0 || !fits(size_, offset, kHead)) return {};
  const std::uint32_t length = *reinterpret_cast<const std::uint32_t*>(base_ + offset);
  if (!fits(size_, std::uint64_t{offset} + kHead, length)) return {};
  return {base_ + offset + kHead, length};
}

const char* BlobView::text(std::uint32_t offset) const {
  if (offset == 0 || offset >= size_) return "";
  return reinterpret_cast<const char*>(base_ + offset);
}

}  // namespace berth::child
