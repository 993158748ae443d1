// Runs in: host commands.
#include "storage/zfs/zfs_destroy.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/strings.hpp"
#include "storage/zfs/zfs_output.hpp"
#include "storage/zfs/zfs_tool.hpp"

namespace berth::storage::zfs {
namespace {

Status refuse_children(const std::string& dataset) {
  const auto children = TRY(children_of(dataset));
  if (children.empty()) return {};
  return fail(Error::message(strings::cat("cannot destroy ", dataset), EBUSY)
                  .because(strings::cat("there are datasets below it: ", strings::join(children, ", ")))
                  .hint("move them away (zfs rename), or destroy them (zfs destroy)"));
}

// The clone may have snapshots of the same names: those of `dataset` get others then.
Status rename_clashing(const std::string& dataset, const std::string& clone) {
  const auto taken = TRY(snapshots_of(clone));
  for (const std::string& snapshot : TRY(snapshots_of(dataset))) {
    const std::string name = snapshot.substr(dataset.size());
    if (std::ranges::find(taken, clone + name) == taken.end()) continue;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::string other = strings::cat(snapshot, "-", std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    TRY(run({"rename", snapshot, other}, strings::cat("rename ", snapshot)));
  }
  return {};
}

Status promote(const std::string& dataset, const std::string& clone) {
  const std::string what = strings::cat("give the snapshots of ", dataset, " to ", clone);
  auto promoted = run({"promote", clone}, what);
  if (!promoted && promoted.error().output().find("conflicting snapshot") != std::string::npos) {
    TRY(rename_clashing(dataset, clone));
    promoted = run({"promote", clone}, what);
  }
  if (!promoted) return fail(std::move(promoted.error()));
  return {};
}

// Each round takes one clone, and the snapshots up to its origin, away from the dataset.
Status promote_clones(const std::string& dataset) {
  for (auto clones = TRY(clones_of(dataset)); !clones.empty();) {
    TRY(promote(dataset, clones.front().dataset));
    auto rest = TRY(clones_of(dataset));
    if (rest.size() >= clones.size())
      return fail(Error::message(strings::cat("cannot destroy ", dataset), EBUSY)
                      .because(strings::cat(rest.front().dataset, " is a clone of ", rest.front().origin)));
    clones = std::move(rest);
  }
  return {};
}

// Its first dataset can't go without it, and holds more than a container.
Status refuse_pool(const std::string& dataset) {
  if (dataset != pool_of(dataset)) return {};
  return fail(Error::message(strings::cat("cannot destroy ", dataset), EBUSY)
                  .because("it is a whole pool")
                  .hint("repair lxc.rootfs.path, or set lxc.rootfs.managed = 0 to keep it"));
}

// Made for the clone `dataset` alone: by us, which a property says, or by LXC, which names it so.
Result<bool> is_made_for_clone(const std::string& origin, const std::string& dataset) {
  if (origin.substr(origin.find('@') + 1) == last_part_of(dataset)) return true;
  const auto made_for = TRY(properties(origin, {kMadeFor}));
  return made_for.front() != "-";
}

Status destroy_with_origin(const std::string& dataset) {
  TRY(refuse_children(dataset));
  TRY(promote_clones(dataset));
  const std::string origin = TRY(properties(dataset, {"origin"})).front();
  const bool with_origin = origin != "-" && !origin.empty() && TRY(is_made_for_clone(origin, dataset));
  TRY(run({"destroy", "-r", dataset}, "destroy " + dataset));
  return with_origin ? destroy_unless_needed(origin) : Status();
}

Status destroy_leftovers(const std::string& dataset) {
  const std::string pool(pool_of(dataset));
  auto output =
      run({"list", "-H", "-r", "-t", "snapshot", "-o", strings::cat("name,", kMadeFor), pool}, "list snapshots of " + pool);
  if (!output && output.error().code() == ENOENT) return {};  // no such pool
  if (!output) return fail(std::move(output.error()));
  for (const Row& row : TRY(parse_rows(*output, 2)))
    if (row[1] == dataset) TRY(destroy_unless_needed(row[0]));
  return {};
}

}  // namespace

// Also of one that got a clone just now: zfs looks, and refuses then.
Status destroy_unless_needed(const std::string& snapshot) {
  auto destroyed = run({"destroy", snapshot}, "destroy " + snapshot);
  if (!destroyed && destroyed.error().code() != EBUSY && destroyed.error().code() != ENOENT)
    return fail(std::move(destroyed.error()));
  return {};
}

Status destroy(const std::string& dataset) {
  TRY(refuse_pool(dataset));
  if (TRY(exists(dataset))) TRY(destroy_with_origin(dataset));
  return destroy_leftovers(dataset);
}

}  // namespace berth::storage::zfs
