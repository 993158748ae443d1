// Runs in: host commands.
#include "storage/overlay/overlay_store.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "base/strings.hpp"
#include "storage/overlay/layers.hpp"
#include "storage/overlay/upper_layer.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/measure_tree.hpp"
#include "storage/tree/mounts_below.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using overlay::Layers;

constexpr mode_t kRootMode = 0755;

bool is_empty(const std::string& directory) {
  const auto entries = sys::list_directory(directory);
  return entries && entries->empty();
}

Status check_directories(const Layers& layers) {
  for (const std::string& lower : layers.lowers) {
    const auto info = sys::stat(lower);
    if (info && S_ISDIR(info->st_mode)) continue;
    return fail(Error::from_errno(info ? ENOTDIR : info.error().code(), "stat", lower)
                    .context("a lower layer of the overlay is not there")
                    .because("it belongs to another container, or was given by --dir, and is gone")
                    .hint("restore that directory, or correct lxc.rootfs.path"));
  }
  return {};
}

class OverlayStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{.name = "overlay", .can_snapshot = true, .can_backup = true, .in_directory = true};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override {
    const auto layers = overlay::parse_layers(path);
    if (!layers) return false;
    const auto info = sys::stat(layers->upper);
    return info && S_ISDIR(info->st_mode);
  }

  // Lower layers of others are there before; its own one goes with it.
  [[nodiscard]] Result<bool> exists(const std::string& path) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    if (TRY(BackingStore::exists(layers.upper))) return true;
    const std::string own = layers.own_lower();
    return own.empty() ? false : BackingStore::exists(own);
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    const std::string upper = overlay::upper_in(owner.directory);
    TRY(overlay::check_file_system(upper));
    return overlay::layers_path({specs.directory.empty() ? owner.directory + "/rootfs" : specs.directory}, upper);
  }

  Status create(const std::string& path, const Specs&) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    TRY(check_free(layers));
    const bool made_lower = !sys::exists(layers.lowers.front());
    Status outcome = made_lower ? make_lower(layers.lowers.front()) : Status{};
    if (outcome) outcome = overlay::make_upper(layers);
    return undone_unless(std::move(outcome), layers, made_lower);
  }

  // What the source shows is the lower layer of its own.
  Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs&,
              Progress& progress) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    TRY(check_free(layers));
    if (sys::stat_link(layers.lowers.front())) return fail(Error::from_errno(EEXIST, "mkdir", layers.lowers.front()));
    View original = TRY(View::open(TRY(from.attach(source, Access::kRead)), Access::kRead));
    Status outcome = copy_tree(original.directory(), layers.lowers.front(), progress);
    if (!outcome && outcome.error().code() == EEXIST) return outcome;
    if (outcome) outcome = original.close();
    if (outcome) outcome = overlay::make_upper(layers);
    return undone_unless(std::move(outcome), layers, true);
  }

  [[nodiscard]] bool snapshots_of(const BackingStore& from) const override {
    return &from == this || (from.traits().in_directory && !from.traits().is_block);
  }

  [[nodiscard]] Result<std::string> snapshot_path(const BackingStore& from, const std::string& source,
                                                  const std::string& place) const override {
    const Layers layers = TRY(overlay::parse_layers(place));
    if (&from != this) return overlay::layers_path({source}, layers.upper);
    return overlay::layers_path(TRY(overlay::parse_layers(source)).lowers, layers.upper);
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path, const Specs&) const override {
    if (!snapshots_of(from)) return fail(refusal("share data with a root that is no directory").because(source));
    if (TRY(snapshot_path(from, source, path)) != path)
      return fail(Error::message(strings::cat("'", path, "' is no snapshot of ", source)).because("the lower layers differ"));
    const Layers layers = TRY(overlay::parse_layers(path));
    TRY(check_free(layers));
    TRY(check_directories(layers));
    Progress nobody;
    Status outcome = &from == this ? overlay::copy_upper(layers, TRY(overlay::parse_layers(source)).upper, nobody)
                                   : overlay::make_upper(layers);
    return undone_unless(std::move(outcome), layers, false);
  }

  // Of an overlay the upper layer is copied.
  [[nodiscard]] bool snapshot_settles(const BackingStore& from) const override { return &from != this; }

  // Of a snapshot of a snapshot too: through it the container with the lower layer is held.
  [[nodiscard]] Result<bool> snapshot_needs_source(const BackingStore&, const std::string&) const override { return true; }

  [[nodiscard]] Status check_destroy(const std::string& path) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    const std::string own = layers.own_lower();
    TRY(refuse_mounts(layers.upper));
    return own.empty() ? Status{} : refuse_mounts(own);
  }

  Status destroy(const std::string& path) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    const std::string own = layers.own_lower();
    TRY(check_destroy(path));
    TRY(overlay::remove_upper(layers));
    return own.empty() ? Status{} : remove_tree(own);
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access access) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    TRY(check_directories(layers));
    Attachment attachment;
    if (const std::string own = layers.own_lower(); !own.empty() && is_empty(own) && is_empty(layers.upper)) {
      attachment.mount.directory = own;
      return attachment;
    }
    if (access == Access::kWrite) TRY(overlay::check_work(layers));
    if (access == Access::kWrite) TRY(sys::ensure_directory(layers.work, kRootMode));
    attachment.mount.fstype = "overlay";
    attachment.mount.options = TRY(overlay::mount_options(layers, access));
    return attachment;
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    const Layers layers = TRY(overlay::parse_layers(path));
    const std::uint64_t upper = TRY(measure_tree(layers.upper));
    Usage usage{.used = upper, .limit = {}, .exclusive = upper};
    for (const std::string& lower : layers.lowers) {
      const std::uint64_t bytes = TRY(measure_tree(lower));
      usage.used += bytes;
      if (lower == layers.own_lower()) usage.exclusive = upper + bytes;
    }
    return usage;
  }

 private:
  // Nothing is at the upper layer's place, nor at that of a lower one that would be made.
  static Status check_free(const Layers& layers) {
    if (sys::stat_link(layers.upper)) return fail(Error::from_errno(EEXIST, "mkdir", layers.upper));
    const std::string own = layers.own_lower();
    if (!own.empty() && sys::stat_link(own)) return fail(Error::from_errno(EEXIST, "mkdir", own));
    return overlay::check_file_system(layers.upper);
  }

  static Status make_lower(const std::string& lower) {
    TRY(sys::make_directory(lower, kRootMode));
    return sys::chmod(lower, kRootMode);  // whatever the umask says
  }

  static Status undone_unless(Status outcome, const Layers& layers, bool made_lower) {
    if (outcome) return outcome;
    Status undone = overlay::remove_upper(layers);
    if (undone && made_lower) undone = remove_tree(layers.lowers.front());
    if (undone) return outcome;
    return fail(std::move(outcome.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
  }
};

}  // namespace

const BackingStore& overlay_store() {
  static const OverlayStore store;
  return store;
}

}  // namespace berth::storage
