// Runs in: host commands.
#include "storage/dir/dir_store.hpp"

#include <sys/stat.h>

#include "storage/tree/copy_tree.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

constexpr mode_t kRootMode = 0755;

class DirStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{
        .name = "dir", .can_snapshot = false, .can_backup = true, .needs_root = false, .is_block = false};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override {
    const auto info = sys::stat(path);
    return info && S_ISDIR(info->st_mode);
  }

  [[nodiscard]] std::string place(const std::string& directory) const override { return directory + "/rootfs"; }

  Status create(const std::string& path) const override {
    TRY(sys::make_directory(path, kRootMode));
    return sys::chmod(path, kRootMode);  // whatever the umask says
  }

  Status copy(const std::string& source, const std::string& path) const override { return copy_tree(source, path); }
  Status destroy(const std::string& path) const override { return remove_tree(path); }
  [[nodiscard]] Result<std::string> directory_of(const std::string& path) const override { return path; }
};

}  // namespace

const BackingStore& dir_store() {
  static const DirStore store;
  return store;
}

}  // namespace berth::storage
