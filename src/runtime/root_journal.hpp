// Roots that a command is making, written down before they exist: what a kill leaves of them can be found and removed, wherever
// they lie (a volume, a dataset), and nothing that was there before is taken for them.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

struct RecordedRoot {
  std::string type, path;
  bool operator==(const RecordedRoot&) const = default;
};

// Before the root is made: `directory` (the container's, or a part of it that is removed with what is being made) remembers it
// from now on, on the disk. What lies outside of `directory` is claimed too (/var/lib/berth/roots), so that of two that want one
// place in a pool only one can ever remove it. Errors: EEXIST, something has that name, root or not; EBUSY, one that was killed
// has claimed it; others: nobody can tell whether there is something. Nothing is remembered then.
Status record_root(const std::string& directory, const storage::BackingStore& store, const std::string& path);
// `made` is what making it said. EEXIST: somebody else has taken the place since; it is not remembered, as it is not ours.
Status forget_if_taken(const std::string& directory, const storage::BackingStore& store, const std::string& path, Status made);
// All that `directory` remembers stands (or is gone): it is not remembered any more.
Status forget_roots(const std::string& directory);
// The same, when all has been taken back. Error EBUSY, or of who can't tell: something is there nevertheless (a volume that was
// busy, a tool that did not answer). Then it is remembered further, and `directory` must stay: nothing else leads to it.
Status forget_undone_roots(const std::string& directory);
// A creation failed, and could not be taken back because of `left`: how it is ended.
Error with_way_out(Error error, const Container& container, const Error& left);
Result<std::vector<RecordedRoot>> recorded_roots(const std::string& directory);
// What a killed command left. May be repeated; an absent root is success. Error EPERM: another user can have written the list, or
// a root outside of `directory` is not claimed by it.
Status destroy_recorded_roots(const std::string& directory);

// Claims (paths of their files) that count no more: who made them remembers no root. Empty where the caller can't look.
Result<std::vector<std::string>> idle_claims();
Status drop_idle_claim(const std::string& claim);

// The name of the file in `directory`.
inline constexpr const char* kRootJournal = "roots-being-made";

}  // namespace berth::runtime
