// Which containers need whose storage: LXC's files `lxc_snapshots` (in a source) and `lxc_rdepends` (in a clone), two lines an
// entry: LXCPATH and NAME.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/lock.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

using Dependence = std::pair<std::string, std::string>;  // LXCPATH, NAME
std::vector<Dependence> parse_dependences(std::string_view text);
// However the two LXCPATHs are written.
bool same_place(const Dependence& one, const Dependence& other);

// Those whose storage depends on the container's, as its list says; the same without its own snapshots; those that it depends on.
Result<std::vector<Dependence>> dependants_of(const Container& container);
Result<std::vector<Dependence>> other_dependants(const Container& container);
Result<std::vector<Dependence>> sources_of(const std::string& directory);

// What to do instead, by what is to be done to the container: no hint tells to destroy it to those who want to keep it.
inline constexpr std::string_view kDestroyClones = "destroy the clones first; berth destroy --clones destroys them too";
inline constexpr std::string_view kRenameLater =
    "make the clones independent: copy each of them without -s, then destroy the ones that are named here";
inline constexpr std::string_view kRestoreBeside = "restore under a new name, beside it: lxc-snapshot -r SNAPSHOT -N NEWNAME";
inline constexpr std::string_view kApplyBeside =
    "import the archives under a new name, beside it, the whole one first: berth import -i FILE NEWNAME";
// Error when clones (its own snapshots aside) need the container's storage, or when that can't be seen. It names them.
Status check_dependants(const Container& container, std::string_view way_out = kDestroyClones);

// While it is held nobody is added to the container's list.
Result<os::FileLock> lock_dependants(const Container& container);

// What the container's lists were being written to by who was killed then. The second one's caller holds the container's lock.
Result<bool> has_unfinished_lists(const Container& container);
Status remove_unfinished_lists(const Container& container);

// A container's snapshots go with it. In its list LXC would take them for clones, and restore none of them.
bool is_own_snapshot(const Dependence& container, const Dependence& snapshot);
// Before the storage of `clone` exists: its directory says whom it needs, then each of them says who needs it, but not of its own
// snapshots. May be repeated. Error ENOENT: one of them is gone, or on its way.
Status add_dependence(const std::string& clone_directory, const Dependence& clone, const std::vector<Dependence>& sources);
// Takes `clone` out of the lists of those that `clone_directory` says it depends on. Sources that are gone are no Error.
Status forget_sources(const std::string& clone_directory, const Dependence& clone);
Status forget_sources(const Container& container);
// Takes one entry out of a source's list.
Status forget_dependant(const Dependence& source, const Dependence& gone);
// The same of a clone whose directory is not there: a new one is in the list from before its storage exists. False: it was made
// meanwhile, or is not in the list.
Result<bool> forget_absent_dependant(const Dependence& source, const Dependence& absent);

}  // namespace berth::runtime
