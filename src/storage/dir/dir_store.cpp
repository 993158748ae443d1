// Runs in: host commands.
#include "storage/dir/dir_store.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "storage/btrfs/subvolume.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/mounts_below.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

constexpr mode_t kRootMode = 0755;

// Who is root in a container on btrfs can make read-only snapshots in it.
Status destroy_locked(const std::string& path) {
  auto destroyed = btrfs::destroy_tree(path);
  if (destroyed || destroyed.error().code() != EROFS || !destroyed.error().hint().empty()) return destroyed;
  return fail(std::move(destroyed.error())
                  .hint("if it is in a read-only subvolume, root can change that (btrfs property set SUBVOLUME ro false); "
                        "then destroy again"));
}

class DirStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{.name = "dir", .can_backup = true, .in_directory = true};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override {
    const auto info = sys::stat(path);
    return info && S_ISDIR(info->st_mode);
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    return specs.directory.empty() ? owner.directory + "/rootfs" : specs.directory;
  }

  Status create(const std::string& path, const Specs&) const override {
    TRY(sys::make_directory(path, kRootMode));
    return sys::chmod(path, kRootMode);  // whatever the umask says
  }

  // What the copier made of a directory, its owner and times too, needs no root to be made first.
  Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs&,
              Progress& progress) const override {
    const View original = TRY(View::open(TRY(from.attach(source, Access::kRead)), Access::kRead));
    // Whatever fails first: what is there already is not this copy's to remove.
    if (sys::stat_link(path)) return fail(Error::from_errno(EEXIST, "mkdir", path));
    Status outcome = copy_tree(original.directory(), path, progress);
    if (outcome || outcome.error().code() == EEXIST) return outcome;
    static_cast<void>(remove_tree(path));
    return outcome;
  }

  [[nodiscard]] Status check_destroy(const std::string& path) const override { return refuse_mounts(path); }

  Status destroy(const std::string& path) const override {
    TRY(check_destroy(path));
    auto removed = remove_tree(path);
    if (removed || removed.error().code() != EROFS || !btrfs::is_btrfs(path)) return removed;
    return destroy_locked(path);
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access) const override {
    Attachment attachment;
    attachment.mount.directory = path;
    return attachment;
  }
};

}  // namespace

const BackingStore& dir_store() {
  static const DirStore store;
  return store;
}

}  // namespace berth::storage
