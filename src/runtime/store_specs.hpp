// What a store is told about a new root, completed from the host's settings.
#pragma once

#include <string>

#include "base/result.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

// Where `given` is silent, the host's lxc.bdev.* for that kind of store (/etc/lxc/lxc.conf) or LXC's defaults for them; nothing
// for kinds that have no such settings. `place` is what the C interface calls bdevdata, for the member that says where this kind
// keeps its roots (a volume group, a dataset, a pool) where `given` doesn't name it; empty: nothing. Error: lxc.conf can't be
// read.
Result<storage::Specs> complete_specs(const storage::BackingStore& store, storage::Specs given, const std::string& place = {});

// `given` names a group, dataset or pool for that kind, so that it need not be taken from elsewhere.
bool names_place(const storage::BackingStore& store, const storage::Specs& given);

}  // namespace berth::runtime
