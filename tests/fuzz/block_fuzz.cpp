// The beginnings of images that anybody may have made, and the answers of LVM's programs.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "storage/block/probe.hpp"
#include "storage/lvm/volumes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::storage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto type = block::file_system_of(text);
  if (type && type->empty()) std::abort();
  (void)block::foreign_content(text);
  (void)block::image_format_of(text);
  for (const std::string& name : block::block_file_systems(text))
    if (name.empty() || name == "ext4" || text.find(name) == std::string_view::npos) std::abort();
  if (const auto name = lvm::parse_path(text); name && "/dev/" + name->group + "/" + name->volume != text) std::abort();
  if (const auto volumes = lvm::parse_volumes(text))
    for (const lvm::Volume& volume : *volumes)
      if (volume.data_percent.value_or(0) > 100 || volume.metadata_percent.value_or(0) > 100) std::abort();
  if (const auto group = lvm::parse_group(text); group && group->extent == 0) std::abort();
  return 0;
}
