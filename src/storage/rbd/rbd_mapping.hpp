// Images as block devices of this host: by the kernel's module, or by rbd-nbd where that is missing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "storage/rbd/rbd_output.hpp"

namespace berth::storage::rbd {

struct Mapped {
  std::string device;
  Fd open;                             // while it is, the device stays this image's
  std::vector<std::string> release{};  // the program that unmaps it; empty when it was mapped before
};

// The kernel has the module rbd, or there is rbd-nbd with the module that it needs. Changes nothing. Error: ENODEV.
Status check_way();

// Maps it unless it is mapped. Of callers at the same time one maps. EBUSY when another client has it open: two would destroy the
// file system.
Result<Mapped> map(const Image& image, const std::string& user = {});
Result<std::optional<Mapping>> mapping_of(const Image& image);
// Every device of it on this host goes; none is success. EBUSY: in use.
Status unmap(const Image& image);

}  // namespace berth::storage::rbd
