// Runs in: a program that links liblxc.
// Checkpoint and restore have an issue of their own: their calls answer with a clear error, and check what they are given.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "capi/handle.hpp"

namespace berth::capi {
namespace {

Error not_built() {
  return Error::message("checkpoint and restore are not built into this version of berth", ENOSYS)
      .hint("stop the container and start it where it shall run");
}

// A caller of a newer header may have a longer structure, as long as it says nothing in what is unknown here.
Status check_size(const migrate_opts* options, std::size_t size) {
  if (options == nullptr) return fail("no options were given");
  if (size <= sizeof(migrate_opts)) return {};
  const auto* tail = reinterpret_cast<const unsigned char*>(options) + sizeof(migrate_opts);
  const bool empty = std::all_of(tail, tail + (size - sizeof(migrate_opts)), [](unsigned char byte) { return byte == 0; });
  if (empty) return {};
  return fail(Error::message("the options say something that this version does not know", E2BIG));
}

int migrate(lxc_container* c, unsigned int command, migrate_opts* options, unsigned int size) {
  return guarded_errno(c, -EINVAL, [&](Handle&) -> Result<int> {
    TRY(check_size(options, size));
    if (command > MIGRATE_FEATURE_CHECK) return fail(strings::cat("migrate knows no command ", command));
    return fail(not_built());
  });
}

bool checkpoint(lxc_container* c, char*, bool, bool) {
  return guarded(c, false, [](Handle&) -> Result<bool> { return fail(not_built()); });
}

bool restore(lxc_container* c, char*, bool) {
  return guarded(c, false, [](Handle&) -> Result<bool> { return fail(not_built()); });
}

}  // namespace

void fill_migrate_members(lxc_container& face) {
  face.migrate = migrate;
  face.checkpoint = checkpoint;
  face.restore = restore;
}

}  // namespace berth::capi
