// What zfs and rbd print, and names of their datasets and images: both hold what users of a pool wrote.
#include <cstdint>
#include <cstdlib>

#include "storage/rbd/rbd_output.hpp"
#include "storage/zfs/zfs_output.hpp"

namespace {

using namespace berth::storage;

void check(bool good) {
  if (!good) std::abort();
}

void try_names(std::string_view text) {
  if (zfs::is_dataset_name(text)) {
    check(text.front() != '-' && text.front() != '/' && text.find('@') == std::string_view::npos);
    check(text.starts_with(zfs::parent_of(text)) && text.ends_with(zfs::last_part_of(text)));
    check(zfs::is_dataset_name(zfs::pool_of(text)));
  }
  if (const auto image = rbd::parse_path(text)) {
    check(rbd::path_of(*image) == text);
    check(image->name.front() != '-' && image->pool.front() != '-');
  }
}

void try_outputs(std::string_view text) {
  for (const std::size_t fields : {1U, 2U, 4U})
    if (const auto rows = zfs::parse_rows(text, fields))
      for (const zfs::Row& row : *rows) check(row.size() == fields);
  (void)zfs::parse_size(text);
  (void)zfs::failure_code(text);
  (void)rbd::parse_info(text);
  (void)rbd::parse_snapshots(text);
  (void)rbd::parse_children(text);
  (void)rbd::parse_images(text);
  (void)rbd::parse_watchers(text);
  (void)rbd::parse_usage(text);
  if (const auto mappings = rbd::parse_mappings(text))
    for (const rbd::Mapping& mapping : *mappings) check(mapping.device.starts_with("/dev/") && !mapping.image.name.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_names(text);
  try_outputs(text);
  return 0;
}
