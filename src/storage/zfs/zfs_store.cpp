// Runs in: host commands.
#include "storage/zfs/zfs_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "storage/block/size_text.hpp"
#include "storage/zfs/zfs_destroy.hpp"
#include "storage/zfs/zfs_output.hpp"
#include "storage/zfs/zfs_stream.hpp"
#include "storage/zfs/zfs_tool.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

constexpr std::string_view kDefaultRoot = "lxc";
constexpr std::string_view kMountRoot = "/run/berth/zfs/";
constexpr int kSnapshotNames = 1000;

// --- names -------------------------------------------------------------------------------------------------------------------
Result<std::string> dataset_in(const std::string& root, const std::string& name) {
  std::string dataset = strings::cat(root, "/", name);
  if (zfs::is_dataset_name(dataset)) return dataset;
  return fail(Error::message(strings::cat("'", strings::printable(dataset), "' can't be the name of a zfs dataset"))
                  .because("zfs takes letters, digits and any of -_.: and blank, 255 in all")
                  .hint("choose another name for the container, or another --zfsroot"));
}

Status need_name(const std::string& path) {
  if (zfs::is_dataset_name(path)) return {};
  return fail(Error::message(strings::cat("'", strings::printable(path), "' is no name of a zfs dataset"))
                  .hint("a zfs root is named POOL/DATASET"));
}

std::string own_mount_point(std::string_view dataset) { return strings::cat(kMountRoot, dataset); }

Status need_pool(const std::string& dataset) {
  const std::string pool(zfs::pool_of(dataset));
  if (TRY(zfs::exists(pool))) return {};
  return fail(Error::message(strings::cat("there is no zfs pool '", pool, "'"), ENOENT)
                  .hint(strings::cat("make one (zpool create ", pool,
                                     " DEVICE), or name a dataset of another: --zfsroot, or lxc.bdev.zfs.root in lxc.conf")));
}

Error taken(const std::string& path) { return Error::message(strings::cat("there is a zfs dataset ", path, " already"), EEXIST); }

// --- quotas ------------------------------------------------------------------------------------------------------------------
struct Space {
  std::uint64_t used = 0, referenced = 0, quota = 0, refquota = 0;
};

Result<Space> space_of(const std::string& dataset) {
  const auto values = TRY(zfs::properties(dataset, {"used", "referenced", "quota", "refquota"}));
  const auto number = [&](std::size_t index) { return zfs::parse_size(values[index]).value_or(0); };
  return Space{number(0), number(1), number(2), number(3)};
}

Status check_quota(const std::string& path, const Space& space, std::uint64_t bytes) {
  if (bytes != 0 && bytes < space.referenced)
    return fail(Error::message(strings::cat("cannot limit ", path, " to ", block::size_text(bytes)), ENOSPC)
                    .because(strings::cat(block::size_text(space.referenced), " are in it"))
                    .hint("choose a greater size, or remove files first"));
  if (space.quota != 0 && (bytes == 0 || bytes > space.quota))
    return fail(
        Error::message(strings::cat("cannot let ", path, " grow to ", bytes == 0 ? "any size" : block::size_text(bytes)), EDQUOT)
            .because(strings::cat("its own zfs quota, snapshots included, is ", block::size_text(space.quota)))
            .hint(strings::cat("raise that one first: zfs set quota=none ", path)));
  return {};
}

// --- mounting ----------------------------------------------------------------------------------------------------------------
// Held open, the mount can't be taken away.
Result<std::optional<Fd>> hold(const zfs::Mounted& mounted) {
  auto directory = sys::open(mounted.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (!directory) return std::optional<Fd>();  // unmounted since it was looked at
  const auto info = sys::stat_fd(directory->get());
  if (!info) return std::optional<Fd>();  // covered by what this process may not look at
  if (info->st_dev != makedev(mounted.major, mounted.minor)) return std::optional<Fd>();
  return std::optional<Fd>(std::move(*directory));
}

Error not_visible(const std::string& dataset) {
  return Error::message(strings::cat("cannot reach the files of ", dataset), ENOENT)
      .because("zfs says that it is mounted, but not in this mount namespace or with another file system on top")
      .hint("run it where the zfs-fuse daemon runs, or unmount what covers it");
}

Status mount(const std::string& dataset) {
  const auto values = TRY(zfs::properties(dataset, {"type", "mountpoint"}));
  if (values[0] != "filesystem" || !values[1].starts_with('/'))
    return fail(Error::message(strings::cat("cannot mount ", dataset), EINVAL)
                    .because(values[0] != "filesystem" ? strings::cat("it is a ", values[0])
                                                       : strings::cat("its property `mountpoint` is ", values[1]))
                    .hint(strings::cat("give it a place: zfs set mountpoint=DIRECTORY ", dataset)));
  auto mounted = zfs::run({"mount", dataset}, strings::cat("mount ", dataset, " at ", values[1]));
  if (!mounted && mounted.error().output().find("already mounted") == std::string::npos) return fail(std::move(mounted.error()));
  return {};
}

Result<Attachment> attach_dataset(const std::string& dataset) {
  Attachment attachment;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (const auto mounted = TRY(zfs::mounted_at(dataset))) {
      auto held = TRY(hold(*mounted));
      if (!held) continue;
      attachment.mount.directory = mounted->directory;
      attachment.device = std::move(*held);
      return attachment;
    }
    if (!attachment.releases.empty()) break;
    TRY(mount(dataset));
    attachment.releases = {{"zfs", "unmount", dataset}};
  }
  return fail(not_visible(dataset));
}

// --- snapshots ---------------------------------------------------------------------------------------------------------------
// A snapshot for the clone `path`, of a name that no other has.
Result<std::string> take_snapshot(const std::string& source, const std::string& path) {
  for (int number = 1; number <= kSnapshotNames; ++number) {
    const std::string name = strings::cat(source, "@", zfs::last_part_of(path), number == 1 ? "" : strings::cat("-", number));
    auto made = zfs::run({"snapshot", "-o", strings::cat(zfs::kMadeFor, "=", path), name}, "take the snapshot " + name);
    if (made) return name;
    if (made.error().code() != EEXIST) return fail(std::move(made.error()));
  }
  return fail(Error::message(strings::cat("no name is left for a snapshot of ", source), EEXIST)
                  .hint(strings::cat("remove some: zfs list -t snapshot -r ", source)));
}

class ZfsStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{.name = "zfs",
                                    .can_snapshot = true,
                                    .can_backup = true,
                                    .can_resize = true,
                                    .can_send = true,
                                    .needs_root = true,
                                    .goes_at_once = true};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override {
    if (!zfs::is_dataset_name(path) || !zfs::is_installed()) return false;
    const auto type = zfs::properties(path, {"type"});
    return type && type->front() == "filesystem";
  }

  // Without its pool nobody knows.
  [[nodiscard]] Result<bool> exists(const std::string& path) const override {
    const auto dataset = zfs::resolve(path);
    if (!dataset && dataset.error().code() == ENOENT) return false;
    if (!dataset) return fail(dataset.error());
    if (TRY(zfs::exists(*dataset))) return true;
    TRY(need_pool(*dataset));
    return false;
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    const std::string root(specs.zfs_root.empty() ? kDefaultRoot : std::string_view(specs.zfs_root));
    std::string dataset = TRY(dataset_in(root, owner.name));
    TRY(zfs::need_tool());
    TRY(need_pool(dataset));
    return dataset;
  }

  Status create(const std::string& path, const Specs& specs) const override {
    TRY(need_name(path));
    TRY(need_pool(path));
    if (TRY(zfs::exists(path))) return fail(taken(path));
    TRY(make_parents(path));
    std::vector<std::string> words{"create", "-o", "mountpoint=" + own_mount_point(path), "-o", "canmount=noauto"};
    if (specs.size != 0) words.insert(words.end(), {"-o", strings::cat("refquota=", specs.size)});
    words.push_back(path);
    auto made = zfs::run(words, "make the zfs dataset " + path);
    if (made) return {};
    // "filesystem successfully created, but not mounted"
    if (made.error().output().find("successfully created") != std::string::npos) TRY(zfs::destroy(path));
    return fail(std::move(made.error()));
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path,
                  const Specs& specs) const override {
    if (!snapshots_of(from)) return BackingStore::snapshot(from, source, path, specs);
    const std::string original = TRY(zfs::resolve(source));
    TRY(need_name(path));
    if (TRY(zfs::exists(path))) return fail(taken(path));
    TRY(make_parents(path));
    const std::string origin = TRY(take_snapshot(original, path));
    Status outcome = clone(original, origin, path, specs);
    if (outcome) return outcome;
    // Somebody else's dataset of that name is not to be taken back.
    Status undone = outcome.error().code() == EEXIST ? zfs::destroy_unless_needed(origin) : zfs::destroy(path);
    if (!undone)
      return fail(std::move(outcome.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
    return outcome;
  }

  [[nodiscard]] bool snapshot_settles(const BackingStore&) const override { return true; }

  Status destroy(const std::string& path) const override {
    const auto dataset = zfs::resolve(path);
    if (!dataset && dataset.error().code() == ENOENT) return {};
    if (!dataset) return fail(dataset.error());
    return zfs::destroy(*dataset);
  }

  Status rename(const std::string& from, const std::string& to) const override {
    const std::string dataset = TRY(zfs::resolve(from));
    TRY(need_name(to));
    TRY(make_parents(to));
    TRY(zfs::run({"rename", dataset, to}, strings::cat("rename ", dataset, " to ", to)));
    return {};
  }

  Status moved(const std::string& path, const Owner& owner) const override {
    const std::string dataset = TRY(zfs::resolve(path));
    const std::string wanted = owner.directory + "/rootfs";
    if (TRY(zfs::properties(dataset, {"mountpoint"})).front() == wanted) return {};
    return zfs::set(dataset, "mountpoint", wanted);
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access) const override {
    return attach_dataset(TRY(zfs::resolve(path)));
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    const Space space = TRY(space_of(TRY(zfs::resolve(path))));
    Usage usage{.used = space.referenced};
    if (space.refquota != 0 || space.quota != 0)
      usage.limit = space.refquota == 0 ? space.quota : space.quota == 0 ? space.refquota : std::min(space.quota, space.refquota);
    usage.exclusive = space.used;
    return usage;
  }

  Status resize(const std::string& path, std::uint64_t bytes) const override {
    const std::string dataset = TRY(zfs::resolve(path));
    TRY(zfs::write_out(dataset));
    TRY(check_quota(dataset, TRY(space_of(dataset)), bytes));
    return zfs::set(dataset, "refquota", bytes == 0 ? "none" : strings::cat(bytes));
  }

  Status send(const std::string& path, const std::string& base, int output, Progress& progress) const override {
    return zfs::send(TRY(zfs::resolve(path)), base.empty() ? "" : TRY(zfs::resolve(base)), output, progress);
  }

  [[nodiscard]] Result<std::string> begin_send(const std::string& path) const override {
    return zfs::begin_send(TRY(zfs::resolve(path)));
  }

  Status end_send(const std::string& path, bool shared) const override { return zfs::end_send(TRY(zfs::resolve(path)), shared); }

  Status forget_shared_state(const std::string& path) const override { return zfs::forget_sent(TRY(zfs::resolve(path))); }

  [[nodiscard]] Result<std::string> shared_state(const std::string& path) const override {
    return zfs::shared_state(TRY(zfs::resolve(path)));
  }

  Status receive(const std::string& path, const std::string& base, int input, Progress& progress) const override {
    TRY(need_name(path));
    TRY(need_pool(path));
    if (TRY(zfs::exists(path))) return fail(taken(path));
    const std::string earlier = base.empty() ? "" : TRY(zfs::resolve(base));
    TRY(make_parents(path));
    return zfs::receive(path, earlier, own_mount_point(path), input, progress);
  }

 private:
  static Status make_parents(const std::string& path) {
    const std::string parent(zfs::parent_of(path));
    if (parent.empty() || TRY(zfs::exists(parent))) return {};
    TRY(zfs::run({"create", "-p", parent}, "make the zfs dataset " + parent));
    return {};
  }

  static Status clone(const std::string& source, const std::string& origin, const std::string& path, const Specs& specs) {
    TRY(zfs::clone(origin, path, own_mount_point(path)));
    return limit_clone(source, path, specs);
  }

  // A clone has no limit of its own; the source's is what its user expects.
  static Status limit_clone(const std::string& source, const std::string& path, const Specs& specs) {
    const Space original = TRY(space_of(source));
    const std::uint64_t wanted = specs.size != 0          ? specs.size
                                 : original.refquota == 0 ? 0
                                                          : std::max(original.refquota, TRY(space_of(path)).referenced);
    return wanted == 0 ? Status() : zfs::set(path, "refquota", strings::cat(wanted));
  }
};

}  // namespace

const BackingStore& zfs_store() {
  static const ZfsStore store;
  return store;
}

}  // namespace berth::storage
