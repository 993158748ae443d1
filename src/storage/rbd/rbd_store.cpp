// Runs in: host commands.
#include "storage/rbd/rbd_store.hpp"

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "storage/block/make.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/resize.hpp"
#include "storage/block/tool.hpp"
#include "storage/rbd/rbd_destroy.hpp"
#include "storage/rbd/rbd_mapping.hpp"
#include "storage/rbd/rbd_output.hpp"
#include "storage/rbd/rbd_tool.hpp"

namespace berth::storage {
namespace {

constexpr std::string_view kDefaultPool = "lxc";
constexpr int kSnapshotNames = 1000;

Result<rbd::Image> image_at(const std::string& path) {
  if (auto image = rbd::parse_path(path)) return std::move(*image);
  return fail(Error::message(strings::cat("'", strings::printable(path), "' names no image of a Ceph cluster"))
                  .hint("an rbd root is written /dev/rbd/POOL/NAME"));
}

Status need_pool(const rbd::Image& image, const std::string& user) {
  auto listed = rbd::run({"ls", "--pool", image.pool}, "look into the pool " + image.pool, user);
  if (listed) return {};
  if (listed.error().code() != ENOENT) return fail(std::move(listed.error()));
  return fail(std::move(listed.error())
                  .because(strings::cat("the cluster has no pool '", image.pool, "'"))
                  .hint(strings::cat("make it (ceph osd pool create ", image.pool, "; rbd pool init ", image.pool,
                                     "), or name another: --rbdpool, or lxc.bdev.rbd.rbdpool in lxc.conf")));
}

Error taken(const std::string& path) { return Error::message(strings::cat("there is an image ", path, " already"), EEXIST); }

// `work` with the image's device, which is unmapped after it when it was not mapped before.
Status with_device(const rbd::Image& image, const std::string& user, const auto& work) {
  rbd::Mapped mapped = TRY(rbd::map(image, user));
  Status done = work(mapped.device);
  mapped.open.reset();
  if (mapped.release.empty()) return done;
  Status unmapped = rbd::unmap(image);
  return done ? unmapped : done;
}

Status set_size(const rbd::Image& image, std::uint64_t bytes) {
  TRY(rbd::run(rbd::words({"resize", "--no-progress"}, image, {"--size", strings::cat(bytes, "B"), "--allow-shrink"}),
               strings::cat("make the image ", image.name, " ", bytes, " bytes long")));
  return {};
}

// Takes back what was made for `image` before `outcome`.
Status undo(const rbd::Image& image, Status outcome) {
  if (outcome) return outcome;
  if (auto undone = rbd::destroy(image); !undone)
    return fail(std::move(outcome.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
  return outcome;
}

// Of a name that no other has.
Result<std::string> take_snapshot(const rbd::Image& source, const std::string& name) {
  for (int number = 1; number <= kSnapshotNames; ++number) {
    std::string snapshot = rbd::snapshot_name_for(name) + (number == 1 ? "" : strings::cat("-", number));
    auto made = rbd::run(rbd::words({"snap", "create", "--no-progress"}, source, {"--snap", snapshot}),
                         strings::cat("take the snapshot ", source.name, "@", snapshot));
    if (made) return snapshot;
    if (made.error().code() != EEXIST) return fail(std::move(made.error()));
  }
  return fail(Error::message(strings::cat("no name is left for a snapshot of ", source.name), EEXIST)
                  .hint(strings::cat("remove some: rbd snap ls --pool ", source.pool, " --image ", source.name)));
}

class RbdStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{
        .name = "rbd", .can_snapshot = true, .can_backup = true, .can_resize = true, .needs_root = true, .is_block = true};
    return kTraits;
  }

  // Of the form alone for what is not mapped: the cluster is asked for paths of that form only.
  [[nodiscard]] bool owns(const std::string& path) const override {
    const auto image = rbd::parse_path(path);
    if (!image || !rbd::need_tool()) return false;
    const auto found = rbd::find(*image);
    return found && found->has_value();
  }

  // Without its pool nobody knows.
  [[nodiscard]] Result<bool> exists(const std::string& path) const override {
    const rbd::Image image = TRY(image_at(path));
    if (TRY(rbd::find(image))) return true;
    TRY(need_pool(image, {}));
    return false;
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    rbd::Image image{std::string(specs.rbd_pool.empty() ? kDefaultPool : std::string_view(specs.rbd_pool)), "",
                     specs.rbd_name.empty() ? owner.name : specs.rbd_name};
    std::string path = rbd::path_of(image);
    if (rbd::parse_path(path) != image)
      return fail(Error::message(strings::cat("'", strings::printable(image.pool), "/", strings::printable(image.name),
                                              "' can't be the name of an image"))
                      .because("none of its parts may have '/', '@' or a blank in it, or '-' in front")
                      .hint("choose another: --rbdname, --rbdpool"));
    TRY(block::check_type(specs.fstype));
    TRY(rbd::need_tool());
    TRY(rbd::check_way());
    TRY(need_pool(image, specs.rbd_user));
    return path;
  }

  Status create(const std::string& path, const Specs& specs) const override {
    const rbd::Image image = TRY(image_at(path));
    TRY(block::check_type(specs.fstype));
    const std::string size = strings::cat(specs.size == 0 ? block::kDefaultSize : specs.size, "B");
    auto made = rbd::run(rbd::words({"create"}, image, {"--size", size, "--image-feature", "layering"}), "make the image " + path,
                         specs.rbd_user);
    if (!made && made.error().code() == EEXIST) return fail(taken(path));
    if (!made) return fail(std::move(made.error()));
    return undo(image, with_device(image, specs.rbd_user,
                                   [&](const std::string& device) { return block::make_file_system(specs.fstype, device); }));
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path,
                  const Specs& specs) const override {
    if (!snapshots_of(from)) return BackingStore::snapshot(from, source, path, specs);
    const rbd::Image original = TRY(image_at(source)), image = TRY(image_at(path));
    if (TRY(rbd::find(image))) return fail(taken(path));
    const std::string name = TRY(take_snapshot(original, image.name));
    Status cloned = clone(original, name, image);
    if (cloned) return undo(image, complete_clone(image, path, specs));
    if (auto undone = rbd::remove_snapshot(original, name); !undone)
      return fail(std::move(cloned.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
    return cloned;
  }

  [[nodiscard]] bool snapshot_settles(const BackingStore&) const override { return true; }

  [[nodiscard]] Result<bool> snapshot_needs_source(const BackingStore&, const std::string&) const override { return true; }

  Status destroy(const std::string& path) const override { return rbd::destroy(TRY(image_at(path))); }

  Status rename(const std::string& from, const std::string& to) const override {
    const rbd::Image image = TRY(image_at(from)), wanted = TRY(image_at(to));
    if (const auto mapping = TRY(rbd::mapping_of(image)))
      return fail(Error::message(strings::cat("cannot rename the image ", from), EBUSY)
                      .because(strings::cat("it is mapped as ", mapping->device))
                      .hint(strings::cat("rbd device unmap ", mapping->device)));
    std::vector<std::string> last{"--dest-pool", wanted.pool, "--dest", wanted.name};
    if (!wanted.space.empty()) last.insert(last.end(), {"--dest-namespace", wanted.space});
    TRY(rbd::run(rbd::words({"rename"}, image, last), strings::cat("rename the image ", from, " to ", to)));
    return {};
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access) const override {
    rbd::Mapped mapped = TRY(rbd::map(TRY(image_at(path))));
    Attachment attachment;
    attachment.device = std::move(mapped.open);
    if (!mapped.release.empty()) attachment.releases = {std::move(mapped.release)};
    attachment.mount.fstype = TRY(block::find_file_system(mapped.device));
    attachment.mount.device = std::move(mapped.device);
    return attachment;
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    Usage usage = TRY(block::usage(TRY(attach(path, Access::kRead))));
    const rbd::Image image = TRY(image_at(path));
    usage.exclusive = TRY(
        rbd::parse_usage(TRY(rbd::run(rbd::words({"du", "--format", "json"}, image), strings::cat("ask what ", path, " uses")))));
    return usage;
  }

  Status resize(const std::string& path, std::uint64_t bytes) const override {
    const rbd::Image image = TRY(image_at(path));
    return with_device(image, {}, [&](const std::string& device) -> Status {
      return block::resize({.path = device,
                            .type = TRY(block::find_file_system(device)),
                            .size = TRY(block::size_of(device)),
                            .in_use = TRY(block::is_in_use(device)),
                            .set_size = [&](std::uint64_t size) { return set_size(image, size); }},
                           bytes);
    });
  }

 private:
  static Status clone(const rbd::Image& source, const std::string& snapshot, const rbd::Image& image) {
    TRY(rbd::run(rbd::words({"snap", "protect"}, source, {"--snap", snapshot}), "keep the snapshot " + snapshot));
    std::vector<std::string> last{"--snap", snapshot,   "--dest-pool",     image.pool,
                                  "--dest", image.name, "--image-feature", "layering"};
    if (!image.space.empty()) last.insert(last.end(), {"--dest-namespace", image.space});
    TRY(rbd::run(rbd::words({"clone"}, source, last), strings::cat("clone ", source.name, " to ", image.name)));
    return {};
  }

  Status complete_clone(const rbd::Image& image, const std::string& path, const Specs& specs) const {
    TRY(with_device(image, {}, [](const std::string& device) -> Status {
      return block::renew_identity(TRY(block::find_file_system(device)), device);
    }));
    return specs.size == 0 ? Status() : resize(path, specs.size);
  }
};

}  // namespace

const BackingStore& rbd_store() {
  static const RbdStore store;
  return store;
}

}  // namespace berth::storage
