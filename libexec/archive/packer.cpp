// Runs in: berth-archive.
#include "packer.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/strings.hpp"
#include "member.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::archive {
namespace {

using sys::raw::call;

constexpr std::size_t kBuffer = 1 << 20, kPending = 1 << 20, kStreamMember = 8 << 20;  // bytes
constexpr std::uint64_t kWorthAHole = 4096;                                            // bytes
constexpr std::uint64_t kOneMount = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
constexpr int kOpen = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr int kKeptFlags = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;

Status check_call(long result, std::string_view operation, std::string_view path) {
  if (result >= 0) return {};
  return fail(Error::from_errno(static_cast<int>(-result), operation, path));
}

// EAGAIN: somebody has a lease of the file (F_SETLEASE). The kernel has told him, and takes it from him when its time is over.
Result<Fd> open_entry(int directory, const std::string& name) {
  constexpr std::chrono::milliseconds kPause{20}, kPatience{60000};  // /proc/sys/fs/lease-break-time is 45 s
  for (std::chrono::milliseconds waited{0};; waited += kPause) {
    auto fd = sys::open_at2(directory, name, kOpen | O_NOATIME, 0, kOneMount);
    if (!fd && fd.error().code() == EPERM) fd = sys::open_at2(directory, name, kOpen, 0, kOneMount);
    if (fd || fd.error().code() != EAGAIN || waited > kPatience) return fd;
    sys::sleep_for(kPause);
  }
}

Result<std::string> read_link(const Fd& link, const std::string& name) {
  std::vector<char> target(1 << 16);
  const long length = call(SYS_readlinkat, link.get(), "", target.data(), target.size());
  TRY(check_call(length, "readlink", name));
  return std::string(target.data(), static_cast<std::size_t>(length));
}

// By descriptor, or (-1) of `name` in the working directory, which may be a link.
long list_attributes(int file, const char* name, std::span<char> to) {
  return file >= 0 ? call(SYS_flistxattr, file, to.data(), to.size()) : call(SYS_llistxattr, name, to.data(), to.size());
}
long get_attribute(int file, const char* name, const char* attribute, std::span<char> to) {
  return file >= 0 ? call(SYS_fgetxattr, file, attribute, to.data(), to.size())
                   : call(SYS_lgetxattr, name, attribute, to.data(), to.size());
}

bool is_ascii(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_ascii(const char* name) { return name == nullptr || is_ascii(std::string_view(name)); }

}  // namespace

// --- who watches -------------------------------------------------------------------------------------------------------------
Status Counter::add(std::uint64_t bytes, std::uint64_t files) {
  constexpr std::chrono::milliseconds kInterval{100};
  bytes_ += bytes;
  files_ += files;
  return std::chrono::steady_clock::now() - sent_ < kInterval ? Status{} : flush();
}

Status Counter::flush() {
  sent_ = std::chrono::steady_clock::now();
  if (bytes_ == 0 && files_ == 0) return {};
  if (TRY(channel_.send_if_room(storage::archive::Word::kProgress, strings::cat(bytes_, " ", files_)))) bytes_ = files_ = 0;
  return {};
}

// --- the output --------------------------------------------------------------------------------------------------------------
la_ssize_t Packer::on_write(struct ::archive*, void* self, const void* data, std::size_t bytes) {
  return static_cast<Packer*>(self)->take(data, bytes);
}

la_ssize_t Packer::take(const void* data, std::size_t bytes) {
  if (written_ && pending_.size() + bytes > kPending) written_ = flush();
  if (!written_) return -1;
  if (bytes >= kPending) {
    written_ = write_out(data, bytes);
  } else {
    const auto* from = static_cast<const char*>(data);
    pending_.insert(pending_.end(), from, from + bytes);
  }
  return written_ ? static_cast<la_ssize_t>(bytes) : -1;
}

Status Packer::flush() {
  auto outcome = write_out(pending_.data(), pending_.size());
  pending_.clear();
  return outcome;
}

Status Packer::write_out(const void* data, std::size_t bytes) {
  if (!written_) return written_;
  if (digesting_) digest_.add(data, bytes);
  if (bytes == 0) return {};
  return check(compressor_.get(), ::archive_write_data(compressor_.get(), data, bytes), "cannot write the archive");
}

Status Packer::open(const Compression& compression) {
  pending_.reserve(kPending);
  buffer_.resize(kBuffer);
  entry_.reset(::archive_entry_new());
  compressor_.reset(::archive_write_new());
  struct ::archive* raw = compressor_.get();
  const std::string level = std::to_string(compression.level), threads = std::to_string(compression.threads);
  const auto add = [&](int (*filter)(struct ::archive*), const char* name, bool threaded) -> Status {
    TRY(check(raw, filter(raw), "cannot compress"));
    if (threaded) TRY(check(raw, ::archive_write_set_filter_option(raw, name, "threads", threads.c_str()), "cannot set threads"));
    if (compression.level == 0) return {};
    return check(raw, ::archive_write_set_filter_option(raw, name, "compression-level", level.c_str()), "cannot set the level");
  };
  TRY(check(raw, ::archive_write_set_format_raw(raw), "cannot begin the archive"));
  if (compression.kind == "zst") TRY(add(::archive_write_add_filter_zstd, "zstd", true));
  if (compression.kind == "xz") TRY(add(::archive_write_add_filter_xz, "xz", true));
  if (compression.kind == "gz") TRY(add(::archive_write_add_filter_gzip, "gzip", false));
  TRY(check(raw, ::archive_write_set_bytes_per_block(raw, 128 << 10), "cannot begin the archive"));
  TRY(check(raw, ::archive_write_set_bytes_in_last_block(raw, 1), "cannot begin the archive"));
  TRY(check(raw, ::archive_write_open_fd(raw, output_), "cannot begin the archive"));
  ::archive_entry_set_filetype(entry_.get(), AE_IFREG);
  ::archive_entry_set_pathname(entry_.get(), "data");
  TRY(check(raw, ::archive_write_header(raw, entry_.get()), "cannot begin the archive"));

  // Names are bytes, whatever they mean; values of attributes once, in the form that GNU tar knows too.
  plain_tar_.reset(::archive_write_new());
  TRY(open_tar(plain_tar_.get(), this, "xattrheader=SCHILY"));
  bytes_tar_.reset(::archive_write_new());
  return open_tar(bytes_tar_.get(), this, "hdrcharset=BINARY,xattrheader=SCHILY");
}

Status Packer::open_tar(struct ::archive* tar, Packer* self, const char* options) {
  TRY(check(tar, ::archive_write_set_format_pax(tar), "cannot begin the archive"));
  TRY(check(tar, ::archive_write_set_options(tar, options), "cannot begin the archive"));
  TRY(check(tar, ::archive_write_set_bytes_per_block(tar, 0), "cannot begin the archive"));
  return check(tar, ::archive_write_open(tar, self, nullptr, on_write, nullptr), "cannot begin the archive");
}

Status Packer::add_member(const std::string& name, std::string_view data) {
  constexpr mode_t kMode = 0644;
  ::archive_entry_clear(entry_.get());
  ::archive_entry_set_pathname(entry_.get(), name.c_str());
  ::archive_entry_set_mode(entry_.get(), S_IFREG | kMode);
  ::archive_entry_set_size(entry_.get(), static_cast<la_int64_t>(data.size()));
  TRY(write_header(name));
  TRY(packed(::archive_write_data(tar_, data.data(), data.size()), "cannot write the archive"));
  return packed(::archive_write_finish_entry(tar_), "cannot write the archive");
}

Result<std::string> Packer::finish() {
  written_ = flush();
  TRY(Status(written_));
  digesting_ = false;
  std::string checksum = digest_.take();
  TRY(add_member(std::string(kChecksum), checksum + "\n"));
  TRY(packed(::archive_write_close(tar_), "cannot end the archive"));
  written_ = flush();
  TRY(Status(written_));
  TRY(check(compressor_.get(), ::archive_write_close(compressor_.get()), "cannot end the archive"));
  TRY(counter_.flush());
  return checksum;
}

Status Packer::packed(la_ssize_t result, std::string_view what) { return written_ ? check(tar_, result, what) : written_; }

Status Packer::write_header(const std::string& path) {
  const char* links[] = {::archive_entry_symlink(entry_.get()), ::archive_entry_hardlink(entry_.get())};
  tar_ = is_ascii(path) && is_ascii(links[0]) && is_ascii(links[1]) ? plain_tar_.get() : bytes_tar_.get();
  return with_context(packed(::archive_write_header(tar_, entry_.get())), strings::printable(path));
}

// --- files -------------------------------------------------------------------------------------------------------------------
void Packer::describe(const std::string& path, const struct ::stat& info) {
  struct ::archive_entry* entry = entry_.get();
  ::archive_entry_clear(entry);
  ::archive_entry_set_pathname(entry, path.c_str());
  ::archive_entry_set_mode(entry, info.st_mode);
  ::archive_entry_set_uid(entry, info.st_uid);
  ::archive_entry_set_gid(entry, info.st_gid);
  ::archive_entry_set_mtime(entry, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  if (S_ISREG(info.st_mode)) ::archive_entry_set_size(entry, info.st_size);
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
    ::archive_entry_set_rdevmajor(entry, major(info.st_rdev));
    ::archive_entry_set_rdevminor(entry, minor(info.st_rdev));
  }
}

Status Packer::add_attributes(int file, const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  std::array<char, XATTR_LIST_MAX> names{};
  const long length = list_attributes(file, name.c_str(), names);
  if (length == -EOPNOTSUPP || length == -ENOENT) return {};
  TRY(check_call(length, "listxattr", path));
  for (const std::string_view one : strings::split_words({names.data(), static_cast<std::size_t>(length)}, {"\0", 1})) {
    const std::string attribute{one};
    std::vector<char> value(XATTR_SIZE_MAX);
    const long size = get_attribute(file, name.c_str(), attribute.c_str(), value);
    if (size == -ENODATA || size == -ENOENT) continue;
    TRY_CONTEXT(check_call(size, "getxattr", path), attribute);
    ::archive_entry_xattr_add_entry(entry_.get(), escaped_attribute(one).c_str(), value.data(), static_cast<std::size_t>(size));
  }
  return {};
}

Status Packer::add_flags(const Fd& file, const std::string& path) {
  int flags = 0;
  const long result = call(SYS_ioctl, file.get(), FS_IOC_GETFLAGS, &flags);
  if (result == -ENOTTY || result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL) return {};
  TRY(check_call(result, "ioctl(FS_IOC_GETFLAGS)", path));
  const std::string text = std::to_string(flags & kKeptFlags);
  if ((flags & kKeptFlags) != 0) ::archive_entry_xattr_add_entry(entry_.get(), kFlagsAttribute.data(), text.data(), text.size());
  return {};
}

Status Packer::mark_holes(const Fd& file, std::uint64_t size, const std::string& path) {
  extents_.clear();
  std::uint64_t at = 0;
  while (at < size) {
    const long data = call(SYS_lseek, file.get(), at, SEEK_DATA);
    if (data == -ENXIO) break;
    if (data == -EINVAL && at == 0) return extents_.emplace_back(0, size), Status{};
    TRY(check_call(data, "lseek(SEEK_DATA)", path));
    const long hole = call(SYS_lseek, file.get(), data, SEEK_HOLE);
    TRY(check_call(hole, "lseek(SEEK_HOLE)", path));
    const std::uint64_t begin = std::min(static_cast<std::uint64_t>(data), size),
                        end = std::min(static_cast<std::uint64_t>(hole), size);
    if (begin < end) extents_.emplace_back(begin, end);
    at = end;
    if (begin >= end) break;
  }
  if (extents_.size() == 1 && extents_.front() == std::pair<std::uint64_t, std::uint64_t>(0, size)) return {};
  for (const auto& [begin, end] : extents_)
    ::archive_entry_sparse_add_entry(entry_.get(), static_cast<la_int64_t>(begin), static_cast<la_int64_t>(end - begin));
  // A file that is one hole: said by an extent of nothing at its end.
  if (extents_.empty()) ::archive_entry_sparse_add_entry(entry_.get(), static_cast<la_int64_t>(size), 0);
  return {};
}

Status Packer::add_noughts(std::uint64_t bytes, const std::string& path) {
  std::ranges::fill(buffer_, '\0');
  while (bytes > 0) {
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, buffer_.size()));
    TRY_CONTEXT(packed(::archive_write_data(tar_, buffer_.data(), part)), path);
    bytes -= part;
  }
  return {};
}

Status Packer::add_range(const std::string& path, const Fd& file, std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, buffer_.size()));
    const long count = call(SYS_pread64, file.get(), buffer_.data(), wanted, from);
    TRY(check_call(count, "read", path));
    if (count == 0) return add_noughts(to - from, path);  // it has become shorter since
    const auto bytes = static_cast<std::size_t>(count);
    TRY_CONTEXT(packed(::archive_write_data(tar_, buffer_.data(), bytes)), strings::printable(path));
    TRY(counter_.add(bytes, 0));
    from += bytes;
  }
  return {};
}

Status Packer::add_data(const std::string& path, const Fd& file, std::uint64_t size) {
  std::uint64_t at = 0;
  for (const auto& [begin, end] : extents_) {
    if (begin > at) TRY(add_noughts(begin - at, path));
    TRY(add_range(path, file, begin, end));
    at = end;
  }
  return at < size ? add_noughts(size - at, path) : Status{};
}

Status Packer::add_regular(const std::string& path, const Fd& file, const struct ::stat& info) {
  if (TRY(add_link(path, file.get(), info))) return {};
  describe(path, info);
  TRY(add_attributes(file.get(), path));
  TRY(add_flags(file, path));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const bool may_have_holes = static_cast<std::uint64_t>(info.st_blocks) * 512 < size && size >= kWorthAHole;
  extents_.assign(1, {0, size});
  if (may_have_holes) TRY(mark_holes(file, size, path));
  TRY(write_header(path));
  if (size > 0) TRY(add_data(path, file, size));
  TRY_CONTEXT(packed(::archive_write_finish_entry(tar_)), strings::printable(path));
  return counter_.add(0, 1);
}

// True: it is another name of a file that is packed already.
Result<bool> Packer::add_link(const std::string& path, int file, const struct ::stat& info) {
  if (info.st_nlink < 2) return false;
  const auto [place, is_first] = first_names_.try_emplace(TRY(storage::identify(file, info, path)), path);
  if (is_first) return false;
  describe(path, info);
  ::archive_entry_set_size(entry_.get(), 0);
  ::archive_entry_set_hardlink(entry_.get(), place->second.c_str());
  TRY(write_header(path));
  TRY(counter_.add(0, 1));
  return true;
}

// What it is and what it is known by are of one file, even when another takes its place meanwhile: `held` is open (O_PATH).
Status Packer::add_special(const std::string& name, const Fd& held, const struct ::stat& info) {
  const std::string path = path_of(name);
  const int directory = frames_.back().directory.get();
  if (TRY(add_link(path, held.get(), info))) return {};
  describe(path, info);
  if (S_ISLNK(info.st_mode)) ::archive_entry_set_symlink(entry_.get(), TRY(read_link(held, path)).c_str());
  if (S_ISSOCK(info.st_mode)) {
    constexpr mode_t kPermissions = 07777;
    ::archive_entry_set_mode(entry_.get(), S_IFREG | (info.st_mode & kPermissions));
    ::archive_entry_set_size(entry_.get(), 0);
    ::archive_entry_xattr_add_entry(entry_.get(), kSocketAttribute.data(), "1", 1);
  }
  TRY(check_call(call(SYS_fchdir, directory), "fchdir", path));
  TRY(add_attributes(-1, path));
  TRY(write_header(path));
  return counter_.add(0, 1);
}

// --- trees -------------------------------------------------------------------------------------------------------------------
std::string Packer::path_of(std::string_view name) const {
  std::string path = prefix_;
  for (std::size_t i = 1; i < frames_.size(); ++i) path += strings::cat("/", frames_[i].name);
  return name.empty() ? path : strings::cat(path, "/", name);
}

Status Packer::enter(std::string name, Fd directory) {
  if (frames_.size() >= kDeepest) return fail(Error::message("the tree is deeper than an archive may be", ENAMETOOLONG));
  const auto info = TRY(sys::stat_fd(directory.get()));
  Frame frame{std::move(name), std::move(directory), {}};
  auto entries = sys::list_directory_fd(frame.directory.get(), frame.name);
  if (!entries && entries.error().code() != ENOENT) return fail(std::move(entries.error()));
  if (entries)  // else it is gone meanwhile
    for (auto& entry : *entries) frame.entries.push_back(std::move(entry.name));
  std::ranges::sort(frame.entries);
  frames_.push_back(std::move(frame));
  const std::string path = path_of("");
  describe(path, info);
  TRY(add_attributes(frames_.back().directory.get(), path));
  TRY(add_flags(frames_.back().directory, path));
  TRY(write_header(path));
  return counter_.add(0, 1);
}

Status Packer::add_entry(const std::string& name) {
  const int directory = frames_.back().directory.get();
  struct ::stat info{};
  const long found = call(SYS_newfstatat, directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW);
  if (found == -ENOENT) return {};  // gone meanwhile
  TRY(check_call(found, "stat", path_of(name)));
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    const auto held = sys::open_at(directory, name, O_PATH | O_NOFOLLOW);
    if (!held && held.error().code() == ENOENT) return {};
    if (!held) return fail(Error::from_errno(held.error().code(), "open", path_of(name)));
    info = TRY(sys::stat_fd(held->get()));
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return add_special(name, *held, info);
  }
  auto file = open_entry(directory, name);
  if (!file && file.error().code() == ENOENT) return {};
  // Something is mounted there: the place of it, and nothing of what it holds.
  if (!file && file.error().code() == EXDEV) {
    info.st_size = 0;
    info.st_nlink = 1;
    describe(path_of(name), info);
    return write_header(path_of(name));
  }
  if (!file) return fail(Error::from_errno(file.error().code(), "open", path_of(name)));
  info = TRY(sys::stat_fd(file->get()));
  if (S_ISDIR(info.st_mode)) return enter(name, std::move(*file));
  if (S_ISREG(info.st_mode)) return add_regular(path_of(name), *file, info);
  return fail(Error::message(strings::cat(strings::printable(path_of(name)), " became another kind of file meanwhile"), EAGAIN)
                  .hint("export it again, or while it is stopped"));
}

Status Packer::add_next() {
  Frame& top = frames_.back();
  if (top.next == top.entries.size()) {
    frames_.pop_back();
    return {};
  }
  const std::string name = std::move(top.entries[top.next++]);
  return add_entry(name);
}

Status Packer::add_tree(const std::string& prefix, Fd directory) {
  prefix_ = prefix;
  first_names_.clear();
  // What was given may be opened for its path alone.
  Fd top = TRY(sys::open_at(directory.get(), ".", O_RDONLY | O_DIRECTORY));
  TRY(enter("", std::move(top)));
  while (!frames_.empty()) TRY(add_next());
  return {};
}

Status Packer::add_file(const std::string& name, const Fd& file) {
  auto info = TRY(sys::stat_fd(file.get()));
  info.st_nlink = 1;
  if (!S_ISREG(info.st_mode)) return fail(Error::message(strings::cat(name, " is no regular file")));
  return add_regular(name, file, info);
}

Status Packer::add_stream(const std::string& prefix, const Fd& input) {
  std::vector<char> data(kStreamMember);
  for (std::uint64_t number = 0;; ++number) {
    std::size_t filled = 0;
    while (filled < data.size()) {
      const std::size_t count = TRY(sys::read_some(input.get(), std::span(data).subspan(filled), "the stream"));
      if (count == 0) break;
      filled += count;
      TRY(counter_.add(count, 0));
    }
    if (filled == 0) return {};
    std::string digits = std::to_string(number);
    digits.insert(0, 10 - std::min<std::size_t>(10, digits.size()), '0');
    TRY(add_member(strings::cat(prefix, "/", digits), {data.data(), filled}));
  }
}

}  // namespace berth::archive
