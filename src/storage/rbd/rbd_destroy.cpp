// Runs in: host commands.
#include "storage/rbd/rbd_destroy.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "storage/rbd/rbd_mapping.hpp"
#include "storage/rbd/rbd_tool.hpp"

namespace berth::storage::rbd {
namespace {

constexpr std::string_view kPrefix = "berth-for-";

Status refuse_clones(const Image& image, const std::vector<Snapshot>& snapshots) {
  std::string names;
  for (const Snapshot& snapshot : snapshots)
    for (const Image& clone : TRY(clones_of(image, snapshot.name)))
      names += strings::cat(names.empty() ? "" : ", ", path_of(clone));
  if (names.empty()) return {};
  return fail(Error::message(strings::cat("cannot destroy the image ", path_of(image)), EBUSY)
                  .because("there are clones of it: " + names)
                  .hint("destroy them first, or make them independent: rbd flatten POOL/IMAGE"));
}

// Others may have cloned it meanwhile: it stays then.
Status remove_unless_needed(const Image& image, const std::string& snapshot) {
  if (!TRY(clones_of(image, snapshot)).empty()) return {};
  auto removed = remove_snapshot(image, snapshot);
  if (!removed && removed.error().code() != EBUSY && removed.error().code() != ENOENT) return removed;
  return {};
}

bool is_made_for(std::string_view snapshot, const std::string& name) {
  const std::string wanted = snapshot_name_for(name);
  if (!snapshot.starts_with(wanted)) return false;
  const std::string_view rest = snapshot.substr(wanted.size());
  return rest.empty() || (rest.starts_with('-') && strings::parse_number<unsigned>(rest.substr(1)));
}

Status remove_leftovers(const Image& image) {
  std::vector<std::string> list{"ls", "-l", "--format", "json", "--pool", image.pool};
  if (!image.space.empty()) list.insert(list.end(), {"--namespace", image.space});
  const auto json = run(list, "list the images of " + image.pool);
  if (!json && json.error().code() == ENOENT) return {};  // no such pool
  if (!json) return fail(json.error());
  for (const Listed& listed : TRY(parse_images(*json)))
    if (is_made_for(listed.snapshot, image.name))
      TRY(remove_unless_needed({image.pool, image.space, listed.image}, listed.snapshot));
  return {};
}

}  // namespace

std::string snapshot_name_for(const std::string& name) { return strings::cat(kPrefix, name); }

Status remove_snapshot(const Image& image, const std::string& snapshot) {
  bool is_protected = false;
  for (const Snapshot& known : TRY(snapshots_of(image)))
    if (known.name == snapshot) is_protected = known.is_protected;
  if (is_protected) TRY(run(words({"snap", "unprotect"}, image, {"--snap", snapshot}), "give up the snapshot " + snapshot));
  TRY(run(words({"snap", "rm", "--no-progress"}, image, {"--snap", snapshot}), "remove the snapshot " + snapshot));
  return {};
}

Status destroy(const Image& image) {
  const auto info = TRY(find(image));
  if (!info) return remove_leftovers(image);
  const auto snapshots = TRY(snapshots_of(image));
  TRY(refuse_clones(image, snapshots));
  TRY(unmap(image));
  for (const Snapshot& snapshot : snapshots) TRY(remove_snapshot(image, snapshot.name));
  TRY(run(words({"rm", "--no-progress"}, image), "remove the image " + path_of(image)));
  if (!info->parent || !info->parent->snapshot.starts_with(kPrefix)) return {};
  return remove_unless_needed(info->parent->image, info->parent->snapshot);
}

}  // namespace berth::storage::rbd
