// Runs in: host commands.
#include "storage/btrfs/quota.hpp"

#include <endian.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>

#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "storage/btrfs/subvolume.hpp"
#include "sys/file.hpp"

namespace berth::storage::btrfs {
namespace {

constexpr std::uint64_t kNoLimit = ~0ULL;

// One item of the quota tree, whose layout is that on the disk.
template <typename Item>
std::optional<Item> read_item(int fd, std::uint32_t type, std::uint64_t offset) {
  ::btrfs_ioctl_search_args search{};
  auto& key = search.key;
  key.tree_id = BTRFS_QUOTA_TREE_OBJECTID;
  key.min_type = key.max_type = type;
  key.min_offset = key.max_offset = offset;
  key.max_transid = ~0ULL;
  key.nr_items = 1;
  if (!sys::control(fd, BTRFS_IOC_TREE_SEARCH, &search, "BTRFS_IOC_TREE_SEARCH") || key.nr_items == 0) return std::nullopt;
  ::btrfs_ioctl_search_header header{};
  std::memcpy(&header, &search.buf[0], sizeof header);
  if (header.type != type || header.offset != offset || header.len < sizeof(Item)) return std::nullopt;
  Item item;
  std::memcpy(&item, &search.buf[sizeof header], sizeof item);
  return item;
}

enum class Counting { kNot, kUnfinished, kComplete };

Counting counting(int fd) {
  const auto status = read_item<::btrfs_qgroup_status_item>(fd, BTRFS_QGROUP_STATUS_KEY, 0);
  if (!status) return Counting::kNot;
  const std::uint64_t flags = le64toh(status->flags);
  if ((flags & BTRFS_QGROUP_STATUS_FLAG_ON) == 0) return Counting::kNot;
  constexpr std::uint64_t kOpen = BTRFS_QGROUP_STATUS_FLAG_RESCAN | BTRFS_QGROUP_STATUS_FLAG_INCONSISTENT;
  return (flags & kOpen) == 0 ? Counting::kComplete : Counting::kUnfinished;
}

Status enable(int fd) {
  ::btrfs_ioctl_quota_ctl_args enable{.cmd = BTRFS_QUOTA_CTL_ENABLE, .status = 0};
  TRY(sys::control(fd, BTRFS_IOC_QUOTA_CTL, &enable, "BTRFS_IOC_QUOTA_CTL"));
  return {};
}

Status count_all(int fd) {
  TRY(commit(fd));
  if (counting(fd) == Counting::kComplete) return {};
  ::btrfs_ioctl_quota_rescan_args rescan{};
  const auto begun = sys::control(fd, BTRFS_IOC_QUOTA_RESCAN, &rescan, "BTRFS_IOC_QUOTA_RESCAN");
  if (!begun && begun.error().code() != EINPROGRESS) return fail(begun.error());
  TRY(sys::control(fd, BTRFS_IOC_QUOTA_RESCAN_WAIT, nullptr, "BTRFS_IOC_QUOTA_RESCAN_WAIT"));
  return {};
}

Status set_limit(int subvolume, std::uint64_t bytes) {
  ::btrfs_ioctl_qgroup_limit_args limit{};
  limit.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER;
  limit.lim.max_rfer = bytes;  // of this subvolume
  TRY(sys::control(subvolume, BTRFS_IOC_QGROUP_LIMIT, &limit, "BTRFS_IOC_QGROUP_LIMIT"));
  return {};
}

Status explained(Status outcome) {
  if (outcome) return outcome;
  return fail(std::move(outcome.error())
                  .context("cannot limit the size of a subvolume")
                  .because("that takes root, and a btrfs that counts by quota groups")
                  .hint("do without a size, or keep the root on a device of its own (--bdev loop)"));
}

}  // namespace

std::optional<Quota> quota_of(int subvolume) {
  const auto id = identity(subvolume);
  if (!id || counting(subvolume) != Counting::kComplete) return std::nullopt;
  const auto info = read_item<::btrfs_qgroup_info_item>(subvolume, BTRFS_QGROUP_INFO_KEY, *id);
  if (!info) return std::nullopt;
  Quota quota{.referenced = le64toh(info->rfer), .exclusive = le64toh(info->excl)};
  const auto limit = read_item<::btrfs_qgroup_limit_item>(subvolume, BTRFS_QGROUP_LIMIT_KEY, *id);
  if (limit && (le64toh(limit->flags) & BTRFS_QGROUP_LIMIT_MAX_RFER) != 0 && le64toh(limit->max_rfer) != kNoLimit)
    quota.limit = le64toh(limit->max_rfer);
  return quota;
}

Status prepare_quota(int subvolume) {
  if (counting(subvolume) == Counting::kNot) TRY(explained(enable(subvolume)));
  return explained(count_all(subvolume));
}

Status limit_quota(int subvolume, std::uint64_t bytes) {
  TRY(explained(set_limit(subvolume, bytes)));
  return commit(subvolume);
}

Status lift_quota(int subvolume) {
  if (counting(subvolume) == Counting::kNot) return {};
  TRY(set_limit(subvolume, kNoLimit));
  return commit(subvolume);
}

void forget_quota(int fd, std::uint64_t id) {
  if (id == 0) return;
  ::btrfs_ioctl_qgroup_create_args group{.create = 0, .qgroupid = id};
  static_cast<void>(sys::control(fd, BTRFS_IOC_QGROUP_CREATE, &group, "BTRFS_IOC_QGROUP_CREATE"));
}

}  // namespace berth::storage::btrfs
