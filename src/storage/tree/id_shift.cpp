// Runs in: host commands that copy a container.
#include "storage/tree/id_shift.hpp"

#include <endian.h>
#include <linux/capability.h>

#include <algorithm>
#include <cstring>

#include "base/strings.hpp"

namespace berth::storage {
namespace {

// The kernel's form of an access list (include/uapi/linux/posix_acl_xattr.h): a version, then entries of eight bytes.
constexpr std::size_t kListHead = 4, kListEntry = 8, kListId = 4;
constexpr std::uint32_t kListVersion = 2;
constexpr std::uint16_t kNamedUser = 0x02, kNamedGroup = 0x08;

template <typename T>
T read_at(const std::string& value, std::size_t offset) {
  T word{};
  std::memcpy(&word, value.data() + offset, sizeof word);
  return word;
}

std::uint32_t word_at(const std::string& value, std::size_t offset) { return le32toh(read_at<std::uint32_t>(value, offset)); }

void set_word(std::string& value, std::size_t offset, std::uint32_t word) {
  const std::uint32_t stored = htole32(word);
  std::memcpy(value.data() + offset, &stored, sizeof stored);
}

bool is_of(const IdRange& range, IdRange::Kind kind, std::uint32_t id) {
  return (range.kind == kind || range.kind == IdRange::Kind::kBoth) && id >= range.from && id - range.from < range.count;
}

}  // namespace

Result<std::uint32_t> IdShift::look_up(IdRange::Kind kind, std::uint32_t id, std::string_view path) const {
  if (empty()) return id;
  for (const IdRange& range : ranges_)
    if (is_of(range, kind, id)) return range.to + (id - range.from);
  const std::string_view what = kind == IdRange::Kind::kUsers ? "user" : "group";
  return fail(Error::message(strings::cat(path, " belongs to the ", what, " id ", id), EOVERFLOW)
                  .because("no range of ids says what that is in the copy")
                  .hint("give the file another owner, or add the id to the ranges (lxc.idmap)"));
}

Result<uid_t> IdShift::user(uid_t id, std::string_view path) const { return look_up(IdRange::Kind::kUsers, id, path); }
Result<gid_t> IdShift::group(gid_t id, std::string_view path) const { return look_up(IdRange::Kind::kGroups, id, path); }

bool IdShift::has_user(std::uint32_t id) const {
  return std::ranges::any_of(ranges_, [id](const IdRange& range) { return is_of(range, IdRange::Kind::kUsers, id); });
}

Status IdShift::attribute(std::string_view name, std::string& value, std::string_view path) const {
  if (empty()) return {};
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return access_list(value, path);
  if (name == "security.capability") return capability(value, path);
  return {};
}

Status IdShift::access_list(std::string& value, std::string_view path) const {
  if (value.size() < kListHead || (value.size() - kListHead) % kListEntry != 0 || word_at(value, 0) != kListVersion)
    return fail(Error::message(strings::cat(path, " has an access list of a form that is not known")));
  for (std::size_t at = kListHead; at < value.size(); at += kListEntry) {
    const std::uint16_t tag = le16toh(read_at<std::uint16_t>(value, at));
    const std::uint32_t id = word_at(value, at + kListId);
    if (tag == kNamedUser) set_word(value, at + kListId, TRY(user(id, path)));
    if (tag == kNamedGroup) set_word(value, at + kListId, TRY(group(id, path)));
  }
  return {};
}

// capabilities(7): revision 3 ends with the user who is root of the namespace that they hold in. Revision 2 is that of the host's
// root, who stays himself when no range has him.
Status IdShift::capability(std::string& value, std::string_view path) const {
  if (value.size() < sizeof(std::uint32_t)) return fail(Error::message(strings::cat(path, " has capabilities of no known form")));
  const std::uint32_t head = word_at(value, 0);
  const std::uint32_t revision = head & VFS_CAP_REVISION_MASK;
  if (revision == VFS_CAP_REVISION_3 && value.size() == XATTR_CAPS_SZ_3) {
    constexpr std::size_t kRoot = XATTR_CAPS_SZ_2;
    set_word(value, kRoot, TRY(user(word_at(value, kRoot), path)));
  } else if (revision == VFS_CAP_REVISION_2 && value.size() == XATTR_CAPS_SZ_2 && has_user(0)) {
    const uid_t root = TRY(user(0, path));
    if (root == 0) return {};
    set_word(value, 0, (head & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3);
    value.resize(XATTR_CAPS_SZ_3);
    set_word(value, XATTR_CAPS_SZ_2, root);
  }
  return {};
}

}  // namespace berth::storage
