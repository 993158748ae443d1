// Runs in: host commands.
#include "storage/lvm/lvm_store.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/strings.hpp"
#include "storage/block/make.hpp"
#include "storage/block/name_lock.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/resize.hpp"
#include "storage/lvm/volumes.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using lvm::Name;
using lvm::Volume;

constexpr std::string_view kDefaultGroup = "lxc", kDefaultPool = "lxc";  // LXC's
constexpr std::string_view kUnfinished = ".unfinished";
constexpr unsigned kFull = 97;  // per cent of a pool's data or metadata from which on nothing new is put into it
constexpr auto kNodeTime = std::chrono::seconds(10), kCloseTime = std::chrono::seconds(3);
constexpr auto kPause = std::chrono::milliseconds(50);

std::uint64_t whole_extents(std::uint64_t bytes, std::uint64_t extent) { return (bytes + extent - 1) / extent * extent; }
std::string size_text(std::uint64_t bytes) { return strings::cat(bytes, "b"); }
std::uint64_t mebibytes(std::uint64_t bytes) { return bytes >> 20; }

Name unfinished(const Name& name) { return {name.group, strings::cat(name.volume, kUnfinished)}; }
// Says that a volume is the unfinished one of `name`, whatever it is called itself: other containers may have such names.
std::string tag_of(const Name& name) { return strings::cat("berth-unfinished.", name.volume); }
std::string path_of(const Name& name) { return strings::cat("/dev/", name.group, "/", name.volume); }

// udev may make the node a little later.
Status wait_for_node(const std::string& path) {
  const auto end = std::chrono::steady_clock::now() + kNodeTime;
  while (!sys::exists(path)) {
    if (std::chrono::steady_clock::now() > end)
      return fail(
          Error::from_errno(ENOENT, "open", path).because("the volume is active, but has no device node").hint("vgmknodes"));
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

Status check_pool(const Volume& pool, std::uint64_t wanted) {
  const unsigned data = pool.data_percent.value_or(0), metadata = pool.metadata_percent.value_or(0);
  const std::uint64_t free = pool.size / 100 * (100 - data);
  if (data < kFull && metadata < kFull && free >= wanted) return {};
  return fail(
      Error::message(strings::cat("the thin pool ", pool.full_name(), " has no room"), ENOSPC)
          .because(strings::cat(data, " % of its data (", mebibytes(free), " MiB free) and ", metadata,
                                " % of its metadata are in use"))
          .hint(strings::cat("lvextend -L +SIZE ", pool.full_name(), "; for metadata lvextend --poolmetadatasize +SIZE")));
}

Status check_group(const std::string& group, std::uint64_t wanted) {
  const std::uint64_t free = TRY(lvm::find_group(group)).free;
  if (free >= wanted) return {};
  return fail(Error::message(strings::cat("the volume group ", group, " has no room"), ENOSPC)
                  .because(strings::cat(mebibytes(wanted), " MiB are needed, ", mebibytes(free), " MiB are free"))
                  .hint(strings::cat("choose a smaller size (--fssize), or vgextend ", group, " DEVICE")));
}

// Nothing: the group has none of that name, and volumes are thick.
Result<std::optional<Volume>> pool_for(const Name& name, const Specs& specs) {
  auto pool = TRY(lvm::find_volume({name.group, specs.thin_pool.empty() ? std::string(kDefaultPool) : specs.thin_pool}));
  if (pool && !pool->is_pool()) return std::nullopt;
  return pool;
}

Status activate(const Volume& volume) {
  if (volume.is_invalid())
    return fail(Error::message(strings::cat("the snapshot ", volume.full_name(), " is lost"), EIO)
                    .because("it had no more room for what differs from its source")
                    .hint("destroy the container; make the next snapshot with more room, or of a thin volume"));
  if (!volume.is_active()) TRY(lvm::run("lvchange", {"-a", "y", "-K", "--", volume.full_name()}));
  return wait_for_node(volume.path());
}

Error still_open(const Volume& volume) {
  return Error::from_errno(EBUSY, "remove", volume.path())
      .because("it is open: mounted, or in use by a program")
      .hint(strings::cat("stop the container; lsblk /dev/", volume.full_name(), " shows mounts"));
}

// A program that only looks (udev) closes it soon.
Result<Volume> wait_until_closed(Volume volume) {
  const auto end = std::chrono::steady_clock::now() + kCloseTime;
  while (volume.is_open()) {
    if (std::chrono::steady_clock::now() > end) return fail(still_open(volume));
    std::this_thread::sleep_for(kPause);
    volume = TRY(lvm::volume_at(volume.path()));
  }
  return volume;
}

Status remove_volume(const Name& name) {
  auto found = TRY(lvm::find_volume(name));
  if (!found) return {};
  if (found->is_pool())
    return fail(Error::message(strings::cat(found->full_name(), " is a thin pool, not a container's volume"), EBUSY)
                    .hint("correct lxc.rootfs.path"));
  const Volume volume = TRY(wait_until_closed(std::move(*found)));
  if (!volume.has_thick_snapshots()) return lvm::run("lvremove", {"-f", "--", volume.full_name()});
  std::string names;
  for (const Volume& snapshot : TRY(lvm::snapshots_of(volume))) names += strings::cat(names.empty() ? "" : ", ", snapshot.path());
  return fail(Error::from_errno(EBUSY, "remove", volume.path())
                  .because(strings::cat("snapshots need it: ", names))
                  .hint("destroy them first"));
}

bool is_leftover_of(const Name& name, const Volume& found) {
  return std::ranges::find(found.tags, tag_of(name)) != found.tags.end();
}

// What has the name of one and is another's stays.
Status remove_leftover(const Name& name) {
  const auto found = TRY(lvm::find_volume(unfinished(name)));
  return found && is_leftover_of(name, *found) ? remove_volume(unfinished(name)) : Status{};
}

Status clear_the_way(const Name& name) {
  const auto found = TRY(lvm::find_volume(unfinished(name)));
  if (!found) return {};
  if (is_leftover_of(name, *found)) return remove_volume(unfinished(name));
  return fail(Error::from_errno(EEXIST, "create", found->path())
                  .because(strings::cat(path_of(name), " has that name while it is made; and nothing (a tag ", tag_of(name),
                                        ") says that it was left by that"))
                  .hint("choose another name (--lvname); or, if nobody needs that volume, lvremove"));
}

// A volume under another name until it is complete. The lock says that somebody is making it; without one it is a leftover.
class NewVolume {
 public:
  static Result<NewVolume> begin(const std::string& path) {
    NewVolume made(TRY(lvm::parse_path(path)), TRY(block::lock_name(path)));
    if (TRY(lvm::find_volume(made.name_)))
      return fail(Error::from_errno(EEXIST, "create", path).hint("choose another name (--lvname)"));
    TRY(clear_the_way(made.name_));
    made.armed_ = true;
    return made;
  }
  NewVolume(NewVolume&& other) noexcept
      : name_(std::move(other.name_)), lock_(std::move(other.lock_)), armed_(std::exchange(other.armed_, false)) {}
  NewVolume& operator=(NewVolume&&) = delete;
  NewVolume(const NewVolume&) = delete;
  NewVolume& operator=(const NewVolume&) = delete;
  ~NewVolume() {
    if (armed_) static_cast<void>(remove_leftover(name_));
  }
  [[nodiscard]] Name name() const { return unfinished(name_); }
  [[nodiscard]] std::string path() const { return path_of(name()); }
  // lvcreate(8) with all that `words` say of a volume that is to be called name(), tagged from its beginning on.
  [[nodiscard]] Status make(std::vector<std::string> words, const std::string& from) const {
    const std::vector<std::string> naming{"--yes", "--addtag", tag_of(name_), "-n", name().volume};
    words.insert(words.begin(), naming.begin(), naming.end());
    words.insert(words.end(), {"--", from});
    return lvm::run("lvcreate", std::move(words));
  }
  // The tag goes last: under the volume's own name it means nothing.
  Status finish() {
    TRY(lvm::run("lvrename", {"--", name_.group, name().volume, name_.volume}));
    armed_ = false;
    TRY(lvm::run("lvchange", {"--deltag", tag_of(name_), "--", strings::cat(name_.group, "/", name_.volume)}));
    return wait_for_node(path_of(name_));
  }

 private:
  NewVolume(Name name, Fd lock) : name_(std::move(name)), lock_(std::move(lock)) {}
  Name name_;
  Fd lock_;
  bool armed_ = false;
};

// `data`: bytes that will be put into it.
Status make_volume(const NewVolume& volume, const Specs& specs, std::uint64_t data) {
  TRY(block::check_type(specs.fstype));
  const Name name = volume.name();
  const auto group = TRY(lvm::find_group(name.group));
  const std::uint64_t size = whole_extents(specs.size == 0 ? block::kDefaultSize : specs.size, group.extent);
  const auto pool = TRY(pool_for(name, specs));
  if (pool) {
    TRY(check_pool(*pool, data));
    TRY(volume.make({"-V", size_text(size), "-T"}, pool->full_name()));
  } else {
    TRY(check_group(name.group, size));
    TRY(volume.make({"-W", "y", "-Z", "y", "-L", size_text(size)}, name.group));
  }
  TRY(wait_for_node(volume.path()));
  return block::make_file_system(specs.fstype, volume.path());
}

Status snapshot_thin(const Volume& source, const NewVolume& made) {
  const auto pool = TRY(lvm::find_volume({source.group, source.pool}));
  if (pool) TRY(check_pool(*pool, 0));
  return made.make({"-s", "-k", "n", "-a", "y"}, source.full_name());
}

Status snapshot_thick(const Volume& source, const NewVolume& made, const Specs& specs) {
  const auto group = TRY(lvm::find_group(source.group));
  const std::uint64_t room = whole_extents(specs.size == 0 ? source.size : specs.size, group.extent);
  TRY(check_group(source.group, room));
  return made.make({"-s", "-L", size_text(room)}, source.full_name());
}

class LvmStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{.name = "lvm",
                                    .can_snapshot = true,
                                    .can_backup = true,
                                    .can_resize = true,
                                    .needs_root = true,
                                    .is_block = true,
                                    .goes_at_once = true};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override {
    const auto name = lvm::parse_path(path);
    if (!name) return false;
    const auto volume = lvm::find_volume(*name);
    return volume && *volume && !(*volume)->is_pool();
  }

  [[nodiscard]] Result<bool> exists(const std::string& path) const override {
    return TRY(lvm::find_volume(TRY(lvm::parse_path(path)))).has_value();
  }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    Name name{specs.volume_group.empty() ? std::string(kDefaultGroup) : specs.volume_group,
              specs.logical_volume.empty() ? owner.name : specs.logical_volume};
    std::string path = path_of(name);
    TRY(lvm::parse_path(path));
    TRY(block::check_type(specs.fstype));
    TRY(lvm::find_group(name.group));
    return path;
  }

  Status create(const std::string& path, const Specs& specs) const override {
    NewVolume made = TRY(NewVolume::begin(path));
    TRY(make_volume(made, specs, 0));
    return made.finish();
  }

  Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs,
              Progress& progress) const override {
    NewVolume made = TRY(NewVolume::begin(path));
    const auto used = from.usage(source);  // not all kinds know
    {
      const Original original = TRY(open_original(from, source, specs));
      TRY(make_volume(made, original.specs, used ? used->used : 0));
      TRY(fill(made.path(), original, progress));
    }
    return made.finish();
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path,
                  const Specs& specs) const override {
    if (!snapshots_of(from)) return BackingStore::snapshot(from, source, path, specs);
    const Volume original = TRY(lvm::volume_at(source));
    if (TRY(lvm::parse_path(path)).group != original.group)
      return fail(Error::from_errno(EXDEV, "snapshot", source).because("a snapshot is in the volume group of its source"));
    if (original.is_thick_snapshot())
      return fail(refusal("make a snapshot of a thick snapshot").because(source).hint("make a full copy"));
    NewVolume made = TRY(NewVolume::begin(path));
    TRY(original.is_thin() ? snapshot_thin(original, made) : snapshot_thick(original, made, specs));
    TRY(wait_for_node(made.path()));
    TRY(block::renew_identity(TRY(block::find_file_system(made.path())), made.path()));
    if (original.is_thin() && specs.size != 0 && specs.size != original.size) TRY(resize(made.path(), specs.size));
    return made.finish();
  }

  [[nodiscard]] bool snapshot_settles(const BackingStore&) const override { return true; }

  [[nodiscard]] bool can_share(const BackingStore& from, const std::string& source, const std::string&) const override {
    if (!snapshots_of(from)) return false;
    const auto volume = lvm::volume_at(source);
    return !volume || !volume->is_thick_snapshot();  // an Error is for snapshot() to tell
  }

  [[nodiscard]] Result<bool> snapshot_needs_source(const BackingStore&, const std::string& source) const override {
    return !TRY(lvm::volume_at(source)).is_thin();
  }

  Status destroy(const std::string& path) const override {
    const Name name = TRY(lvm::parse_path(path));
    TRY(remove_volume(name));
    return remove_leftover(name);
  }

  Status rename(const std::string& from, const std::string& to) const override {
    const Name before = TRY(lvm::parse_path(from)), after = TRY(lvm::parse_path(to));
    if (before.group != after.group)
      return fail(
          Error::from_errno(EXDEV, "rename", strings::cat(from, " -> ", to)).because("it would be in another volume group"));
    if (TRY(lvm::find_volume(after))) return fail(Error::from_errno(EEXIST, "rename", to));
    TRY(lvm::run("lvrename", {"--", before.group, before.volume, after.volume}));
    return {};
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access) const override {
    TRY(activate(TRY(lvm::volume_at(path))));
    Attachment attachment;
    attachment.mount.fstype = TRY(block::find_file_system(path));
    attachment.mount.device = path;
    attachment.hold = path;
    return attachment;
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    Usage usage = TRY(block::usage(TRY(attach(path, Access::kRead))));
    const Volume volume = TRY(lvm::volume_at(path));
    usage.exclusive = volume.is_thin() ? volume.size / 100 * volume.data_percent.value_or(0) : volume.size;
    return usage;
  }

  Status resize(const std::string& path, std::uint64_t bytes) const override {
    const Volume volume = TRY(lvm::volume_at(path));
    TRY(activate(volume));
    if (volume.is_thick_snapshot() || volume.has_thick_snapshots())
      return fail(refusal("resize a thick volume with snapshots, or a snapshot of one").because(path).hint("make a full copy"));
    const std::uint64_t wanted = whole_extents(bytes, TRY(lvm::find_group(volume.group)).extent);
    auto resized = block::resize({.path = path,
                                  .type = TRY(block::find_file_system(path)),
                                  .size = volume.size,
                                  .in_use = TRY(block::is_in_use(path)),
                                  .set_size = [&, now = volume.size](std::uint64_t size) mutable -> Status {
                                    TRY(set_size(volume, now, size));
                                    now = size;
                                    return {};
                                  }},
                                 wanted);
    if (!resized) return fail(std::move(resized.error()).context(strings::cat("cannot change the size of ", path)));
    return {};
  }

 private:
  static Status set_size(const Volume& volume, std::uint64_t now, std::uint64_t size) {
    if (size < now) return lvm::run("lvreduce", {"-f", "-L", size_text(size), "--", volume.full_name()});
    if (!volume.is_thin()) TRY(check_group(volume.group, size - now));
    return lvm::run("lvextend", {"-L", size_text(size), "--", volume.full_name()});
  }
};

}  // namespace

const BackingStore& lvm_store() {
  static const LvmStore store;
  return store;
}

}  // namespace berth::storage
