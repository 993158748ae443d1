// Runs in: host commands.
#include "storage/block/probe.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace berth::storage::block {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view name;
};

// The formats' specifications; numbers of more than a byte are little endian there, but for XFS.
constexpr auto kFileSystems = std::to_array<Magic>({
    {0x438, "\x53\xEF"sv, "ext4"},
    {0, "XFSB"sv, "xfs"},
    {0x10040, "_BHRfS_M"sv, "btrfs"},
    {0x400, "\x10\x20\xF5\xF2"sv, "f2fs"},
    {0, "hsqs"sv, "squashfs"},
    {0x400, "\xE2\xE1\xF5\xE0"sv, "erofs"},
    {0x1018, "\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81"sv, "bcachefs"},
    {0x8001, "CD001"sv, "iso9660"},
    {0x8000, "JFS1"sv, "jfs"},
    {0x406, "\x34\x34"sv, "nilfs2"},
    {0x10034, "ReIsErFs"sv, "reiserfs"},
    {0x10034, "ReIsEr2Fs"sv, "reiserfs"},
});

constexpr auto kForeign = std::to_array<Magic>({
    {0, "LUKS\xBA\xBE"sv, "a LUKS volume, which must be opened first"},
    {0x218, "LVM2 001"sv, "a physical volume of LVM"},
    {0xFF6, "SWAPSPACE2"sv, "swap space"},
    {0x200, "EFI PART"sv, "a partition table"},
    {0x1FE, "\x55\xAA"sv, "a partition table or boot sector"},
});

constexpr auto kImages = std::to_array<Magic>({
    {0, "QFI\xFB\x00\x00\x00\x01"sv, "qcow"},
    {0, "QFI\xFB"sv, "qcow2"},
    {0, "QED\x00"sv, "qed"},
    {0, "KDMV"sv, "vmdk"},
    {0, "vhdxfile"sv, "vhdx"},
    {0, "conectix"sv, "vpc"},
    {0x40, "\x7F\x10\xDA\xBE"sv, "vdi"},
});

std::string_view match(std::span<const Magic> table, std::span<const char> start) {
  for (const Magic& magic : table) {
    if (start.size() < magic.offset + magic.bytes.size()) continue;
    if (std::ranges::equal(start.subspan(magic.offset, magic.bytes.size()), magic.bytes)) return magic.name;
  }
  return {};
}

bool can_mount(const std::string& type, const std::string& device) {
  const auto context = sys::open_filesystem(type);
  if (!context || !sys::configure_filesystem(context->get(), FSCONFIG_SET_STRING, "source", device)) return false;
  if (!sys::configure_filesystem(context->get(), FSCONFIG_SET_FLAG, "ro", "")) return false;
  return sys::configure_filesystem(context->get(), FSCONFIG_CMD_CREATE, "", "").has_value();
}

Error nothing_known(std::string_view start, const std::string& device) {
  const std::string_view foreign = foreign_content(start);
  Error error = Error::message(strings::cat("no file system is known on ", device), EINVAL);
  if (foreign.empty()) return std::move(error).hint("is it empty? mkfs(8) makes a file system; blkid(8) tells what is there");
  error = std::move(error).because(strings::cat("there is ", foreign));
  if (!foreign.starts_with("a partition table")) return error;
  return std::move(error).hint("name one partition of an image: lxc.rootfs.path = nbd:FILE:NUMBER");
}

}  // namespace

std::optional<std::string_view> file_system_of(std::span<const char> start) {
  const std::string_view name = match(kFileSystems, start);
  return name.empty() ? std::nullopt : std::optional(name);
}

std::string_view foreign_content(std::span<const char> start) { return match(kForeign, start); }

std::string_view image_format_of(std::span<const char> start) { return match(kImages, start); }

std::vector<std::string> block_file_systems(std::string_view proc_filesystems) {
  std::vector<std::string> result;
  for (const std::string_view line : strings::split(proc_filesystems, '\n')) {
    const auto words = strings::split_words(line);
    if (words.size() != 1 || words[0].starts_with("fuse") || words[0] == "ext2" || words[0] == "ext3") continue;
    if (std::ranges::none_of(kFileSystems, [&](const Magic& magic) { return magic.name == words[0]; }))
      result.emplace_back(words[0]);
  }
  return result;
}

Result<std::string> read_start(const std::string& path) {
  const Fd file = TRY(sys::open(path, O_RDONLY));
  std::string start(kProbeLength, '\0');
  std::size_t length = 0;
  while (length < start.size()) {
    const auto count = TRY(sys::read_some(file.get(), std::span(start).subspan(length), path));
    if (count == 0) break;
    length += count;
  }
  start.resize(length);
  return start;
}

Result<std::string> find_file_system(const std::string& device) {
  const std::string start = TRY(read_start(device));
  if (const auto type = file_system_of(start)) return std::string(*type);
  for (const std::string& type : block_file_systems(TRY(sys::read_file("/proc/filesystems"))))
    if (can_mount(type, device)) return type;
  return fail(nothing_known(start, device));
}

Result<std::uint64_t> size_of(const std::string& path) {
  const Fd file = TRY(sys::open(path, O_RDONLY));
  const auto info = TRY(sys::stat_fd(file.get()));
  if (S_ISREG(info.st_mode)) return static_cast<std::uint64_t>(info.st_size);
  std::uint64_t size = 0;
  TRY(sys::control(file.get(), BLKGETSIZE64, &size, strings::cat("BLKGETSIZE64 of ", path)));
  return size;
}

Result<bool> is_in_use(const std::string& device) {
  const auto claimed = sys::open(device, O_RDONLY | O_EXCL);
  if (claimed) return false;
  if (claimed.error().code() == EBUSY) return true;
  return fail(claimed.error());
}

}  // namespace berth::storage::block
