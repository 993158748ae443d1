// Runs in: host commands.
#include "storage/btrfs/btrfs_store.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "storage/block/size_text.hpp"
#include "storage/btrfs/quota.hpp"
#include "storage/btrfs/stream.hpp"
#include "storage/btrfs/subvolume.hpp"
#include "storage/tree/measure_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

constexpr unsigned kMaxDepth = 64;  // of subvolumes in each other

// The part of `path` that is there.
std::string nearest_existing(std::string path) {
  while (!path.empty() && !sys::exists(path)) path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return path.empty() ? "/" : path;
}

Result<Fd> open_root(const std::string& path) { return sys::open(path, O_RDONLY | O_DIRECTORY); }

class BtrfsStore final : public BackingStore {
 public:
  [[nodiscard]] const Traits& traits() const override {
    static constexpr Traits kTraits{
        .name = "btrfs", .can_snapshot = true, .can_backup = true, .can_resize = true, .can_send = true, .in_directory = true};
    return kTraits;
  }

  [[nodiscard]] bool owns(const std::string& path) const override { return btrfs::is_subvolume(path); }

  [[nodiscard]] Result<std::string> place(const Owner& owner, const Specs& specs) const override {
    std::string path = specs.directory.empty() ? owner.directory + "/rootfs" : specs.directory;
    const std::string nearest = nearest_existing(path);
    if (btrfs::is_btrfs(nearest)) return path;
    return fail(Error::message(strings::cat("cannot make a subvolume at ", path), EOPNOTSUPP)
                    .because(strings::cat(nearest, " is not on a btrfs file system"))
                    .hint("choose a directory on btrfs (-P, or --dir), or another back end (--bdev dir)"));
  }

  Status create(const std::string& path, const Specs& specs) const override {
    if (sys::stat_link(path)) return fail(Error::from_errno(EEXIST, "create", path));
    Status made = with_context(btrfs::create(path), strings::cat("cannot make the subvolume ", path));
    if (made && specs.size != 0) made = resize(path, specs.size);
    return undone_unless(std::move(made), path);
  }

  Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs,
              Progress& progress) const override {
    if (can_share(from, source, path)) return snapshot(from, source, path, specs);
    return BackingStore::copy(from, source, path, specs, progress);
  }

  // Roots that are one subvolume each; whether this one is, can_share() finds out.
  [[nodiscard]] bool snapshots_of(const BackingStore& from) const override {
    return &from == this || from.traits().name == "dir";
  }

  [[nodiscard]] bool can_share(const BackingStore& from, const std::string& source, const std::string& directory) const override {
    return snapshots_of(from) && btrfs::is_subvolume(source) && btrfs::on_one_filesystem(source, nearest_existing(directory));
  }

  Status snapshot(const BackingStore& from, const std::string& source, const std::string& path,
                  const Specs& specs) const override {
    if (!can_share(from, source, path))
      return fail(refusal("share data with a root that is no subvolume of the same file system")
                      .because(source)
                      .hint("make a full copy"));
    const Fd original = TRY(open_root(source));
    const auto place = TRY(btrfs::place_of(path));
    if (sys::stat_link(path)) return fail(Error::from_errno(EEXIST, "snapshot", path));
    Status made = snapshot_with_limit(original.get(), place, path, specs);
    return undone_unless(with_context(std::move(made), strings::cat("cannot make a snapshot of ", source, " at ", path)), path);
  }

  [[nodiscard]] bool snapshot_settles(const BackingStore&) const override { return true; }

  [[nodiscard]] Status check_destroy(const std::string& path) const override { return btrfs::check_destroy(path); }

  Status destroy(const std::string& path) const override {
    TRY(btrfs::destroy_tree(path));
    Status forgotten = btrfs::forget_sent(path);
    if (!forgotten && forgotten.error().code() == EEXIST) return {};  // somebody else's: it stays
    return forgotten;
  }

  [[nodiscard]] Result<Attachment> attach(const std::string& path, Access) const override {
    Attachment attachment;
    attachment.mount.directory = path;
    return attachment;
  }

  [[nodiscard]] Result<Usage> usage(const std::string& path) const override {
    const Fd root = TRY(open_root(path));
    TRY(btrfs::commit(root.get()));
    const auto quota = btrfs::quota_of(root.get());
    if (!quota) return Usage{.used = TRY(measure_tree(path))};
    Usage usage{.used = 0, .limit = quota->limit, .exclusive = 0};
    TRY(add_up(root.get(), usage, 0));
    return usage;
  }

  Status resize(const std::string& path, std::uint64_t bytes) const override {
    const Fd root = TRY(open_root(path));
    if (!btrfs::is_subvolume(root.get())) return fail(refusal("limit a directory that is no subvolume").because(path));
    if (bytes == 0) return btrfs::lift_quota(root.get());
    TRY(sys::sync_filesystem(root.get(), path));  // accounts are of what has been written
    return limit(root.get(), path, bytes);
  }

  Status send(const std::string& path, const std::string& base, int output, Progress& progress) const override {
    return btrfs::send_root(path, base, output, progress);
  }

  [[nodiscard]] Result<std::string> begin_send(const std::string& path) const override {
    if (btrfs::is_subvolume(path)) return btrfs::begin_send(path);
    return fail(refusal("send a directory that is no subvolume").because(path).hint("export the container whole"));
  }

  Status end_send(const std::string& path, bool shared) const override { return btrfs::end_send(path, shared); }
  Status forget_shared_state(const std::string& path) const override { return btrfs::forget_sent(path); }

  Status receive(const std::string& path, const std::string& base, int input, Progress& progress) const override {
    return with_context(btrfs::receive_root(path, base, input, progress), strings::cat("cannot receive ", path));
  }

  [[nodiscard]] Result<std::string> shared_state(const std::string& path) const override { return btrfs::shared_state(path); }

 private:
  // With the subvolumes in it.
  static Status add_up(int subvolume, Usage& usage, unsigned depth) {
    if (depth > kMaxDepth) return {};
    const auto quota = btrfs::quota_of(subvolume).value_or(btrfs::Quota{});
    usage.used += quota.referenced;
    usage.exclusive = usage.exclusive.value_or(0) + quota.exclusive;
    for (const auto& nested : TRY(btrfs::nested_in(subvolume)))
      TRY(add_up(TRY(btrfs::open_nested(subvolume, nested)).get(), usage, depth + 1));
    return {};
  }

  static Status limit(int root, const std::string& path, std::uint64_t bytes) {
    TRY(btrfs::prepare_quota(root));
    const auto quota = btrfs::quota_of(root);
    if (quota && quota->referenced > bytes)
      return fail(Error::message(strings::cat("cannot limit ", path, " to ", block::size_text(bytes)), ENOSPC)
                      .because(strings::cat("it holds ", block::size_text(quota->referenced), " already"))
                      .hint("choose a greater size, or remove files first"));
    return btrfs::limit_quota(root, bytes);
  }

  Status snapshot_with_limit(int original, const btrfs::Place& place, const std::string& path, const Specs& specs) const {
    TRY(btrfs::snapshot_tree(original, place));
    const auto quota = btrfs::quota_of(original);
    const std::uint64_t size = specs.size != 0 ? specs.size : quota ? quota->limit.value_or(0) : 0;
    if (size == 0) return {};
    return limit(TRY(open_root(path)).get(), path, size);
  }

  // What was made at `path` goes again when `outcome` is an Error.
  Status undone_unless(Status outcome, const std::string& path) const {
    if (outcome || outcome.error().code() == EEXIST) return outcome;
    if (auto undone = destroy(path); !undone)
      return fail(std::move(outcome.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
    return outcome;
  }
};

}  // namespace

const BackingStore& btrfs_store() {
  static const BtrfsStore store;
  return store;
}

}  // namespace berth::storage
