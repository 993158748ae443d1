// Runs in: berth-archive.
#include "late_flags.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::archive {
namespace {

constexpr std::size_t kMostBytes = 128 << 20;
constexpr int kKeptFlags = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;
constexpr std::uint64_t kBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

}  // namespace

bool LateFlags::add(Node directory, const std::string& name, Node& added) {
  bytes_ += sizeof(Entry) + name.size();
  if (bytes_ > kMostBytes) return false;
  added = static_cast<Node>(entries_.size());
  entries_.push_back({directory, name});
  return true;
}

bool LateFlags::set(Node entry, int flags) {
  bytes_ += sizeof(Flagged);
  if (bytes_ > kMostBytes) return false;
  flagged_.push_back({entry, flags});
  return true;
}

std::vector<LateFlags::Node> LateFlags::way_to(Node entry) const {
  std::vector<Node> way;
  for (Node at = entry; at != kTop; at = entries_[at].directory) way.push_back(at);
  std::ranges::reverse(way);
  return way;
}

// Component by component, through directories only.
Result<Fd> LateFlags::open_directory(const Fd& top, Node directory) const {
  Fd at = TRY(sys::duplicate(top.get()));
  for (const Node step : way_to(directory))
    at = TRY(sys::open_at2(at.get(), entries_[step].name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, kBelow));
  return at;
}

Status LateFlags::apply(const Fd& file, const Flagged& one, const std::string& place) const {
  const auto checked = [&](long result, std::string_view operation) -> Status {
    if (result >= 0) return {};
    std::string path = place;
    for (const Node step : way_to(one.entry)) path.append("/").append(entries_[step].name);
    return fail(Error::from_errno(static_cast<int>(-result), operation, strings::printable(path)));
  };
  int flags = 0;
  TRY(checked(sys::raw::call(SYS_ioctl, file.get(), FS_IOC_GETFLAGS, &flags), "ioctl(FS_IOC_GETFLAGS)"));
  flags |= one.flags & kKeptFlags;
  return checked(sys::raw::call(SYS_ioctl, file.get(), FS_IOC_SETFLAGS, &flags), "ioctl(FS_IOC_SETFLAGS)");
}

Status LateFlags::apply_below(const Fd& top, const std::string& place) const {
  Fd directory;
  Node opened = kTop;
  for (const Flagged& one : flagged_) {
    if (one.entry == kTop) continue;
    const Entry& entry = entries_[one.entry];
    if (!directory || opened != entry.directory) directory = TRY(open_directory(top, entry.directory));
    opened = entry.directory;
    const Fd file = TRY(sys::open_at2(directory.get(), entry.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, kBelow));
    TRY(apply(file, one, place));
  }
  return {};
}

Status LateFlags::apply_top(const Fd& top, const std::string& place) const {
  for (const Flagged& one : flagged_)
    if (one.entry == kTop) TRY(apply(top, one, place));
  return {};
}

}  // namespace berth::archive
