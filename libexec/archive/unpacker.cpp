// Runs in: berth-archive.
#include "unpacker.hpp"

#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/strings.hpp"
#include "storage/block/size_text.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::archive {
namespace {

using storage::archive::Word;
using storage::block::size_text;
using sys::raw::call;

constexpr std::size_t kBlock = 128 << 10, kHeld = 1 << 20, kLongestManifest = 60 << 10, kMostKept = 128 << 20;  // bytes
constexpr mode_t kPermissions = 07777, kPrivateDirectory = 0700, kPrivateFile = 0600;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr std::uint64_t kEntryCost = 512;  // bytes of a limit: an inode and a name take room too
constexpr std::string_view kTampered = "the archive is damaged, or has been tampered with";
constexpr std::string_view kNoBeginning = "it does not begin as one";
constexpr std::string_view kMoreRoom = "make room, or choose another store or size (-B, --fssize)";
constexpr std::string_view kAgain = "nothing of it is kept; get the archive again from where it was made";

// Only where the user has said how much it may be: most archives that are refused so are honest.
Error too_large(std::uint64_t limit) {
  return Error::message("the archive is larger than --max-size allows", EFBIG)
      .because(strings::cat("its files are of more than ", size_text(limit), " together: holes, extended attributes and ",
                            kEntryCost, " bytes for each are included"))
      .hint("where it is one that you trust, give a larger --max-size");
}

Error no_room(std::uint64_t room) {
  return Error::message("the archive holds more than there is room for", ENOSPC)
      .because(strings::cat("there is room for ", size_text(room)))
      .hint(kMoreRoom);
}

Status check_call(long result, std::string_view operation, std::string_view path) {
  if (result >= 0) return {};
  Error error = Error::from_errno(static_cast<int>(-result), operation, strings::printable(path));
  if (result != -ENOSPC && result != -EDQUOT) return fail(std::move(error));
  return fail(std::move(error).hint(kMoreRoom));
}

// Damage of the file comes as one of libarchive's failures.
Error damaged(Error error) { return Error::message(kTampered, EBADMSG).because(error.because()).hint(kAgain); }

Error no_archive(std::string_view why) {
  return Error::message("this is no archive of a container", EBADMSG)
      .because(why)
      .hint("name one that berth export made (.tar.zst, .tar.gz, .tar.xz, .tar)");
}

bool is_root(std::string_view place) { return place == "root" || place.ends_with("/root"); }

}  // namespace

// --- the input ---------------------------------------------------------------------------------------------------------------
la_ssize_t Unpacker::on_read(struct ::archive*, void* self, const void** data) {
  return static_cast<Unpacker*>(self)->read_block(data);
}

la_ssize_t Unpacker::read_block(const void** data) {
  std::vector<char> block;
  if (held_.size() > kHeld / kBlock) {
    block = std::move(held_.front());
    held_.pop_front();
    digest_.add(block.data(), block.size());
    digested_ += block.size();
  }
  block.resize(kBlock);
  const la_ssize_t count = ::archive_read_data(decompressor_.get(), block.data(), block.size());
  if (count < 0) read_ = fail(damaged(error_of(decompressor_.get(), "")));
  if (count < 0) ::archive_set_error(tar_.get(), EIO, "it can't be read to its end");
  block.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  held_.push_back(std::move(block));
  *data = held_.back().data();
  return count < 0 ? -1 : count;
}

Status Unpacker::digest_until(std::uint64_t position) {
  for (const auto& block : held_) {
    if (digested_ >= position) break;
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), position - digested_));
    digest_.add(block.data(), part);
    digested_ += part;
  }
  return digested_ == position
             ? Status{}
             : fail(Error::message(kTampered, EBADMSG).because("its checksum is not where it belongs").hint(kAgain));
}

Status Unpacker::open() {
  decompressor_.reset(::archive_read_new());
  struct ::archive* raw = decompressor_.get();
  for (const auto filter :
       {::archive_read_support_filter_zstd, ::archive_read_support_filter_gzip, ::archive_read_support_filter_xz})
    TRY(check(raw, filter(raw), "cannot read compressed archives"));
  TRY(check(raw, ::archive_read_support_format_raw(raw), "cannot read archives"));
  TRY(check(raw, ::archive_read_support_format_empty(raw), "cannot read archives"));
  struct ::archive_entry* entry = nullptr;
  int result = ::archive_read_open_fd(raw, input_, kBlock);
  if (result == ARCHIVE_OK) result = ::archive_read_next_header(raw, &entry);
  if (result == ARCHIVE_EOF) return fail(no_archive("nothing is in it"));
  if (result != ARCHIVE_OK) return fail(damaged(error_of(raw, "")));
  tar_.reset(::archive_read_new());
  TRY(check(tar_.get(), ::archive_read_support_format_tar(tar_.get()), "cannot read archives"));
  result = ::archive_read_open(tar_.get(), this, nullptr, on_read, nullptr);
  TRY(Status(read_));
  return result == ARCHIVE_OK ? Status{} : fail(no_archive(kNoBeginning));
}

// False: the end.
Result<bool> Unpacker::next() {
  const int result = ::archive_read_next_header(tar_.get(), &entry_);
  TRY(Status(read_));
  if (result == ARCHIVE_EOF) return false;
  if (result != ARCHIVE_OK && !begun_) return fail(no_archive(kNoBeginning));
  if (result != ARCHIVE_OK) return fail(damaged(error_of(tar_.get(), "")));
  begun_ = true;
  if (::archive_entry_pathname(entry_) == nullptr) return fail(refused("a name that can't be read"));
  return true;
}

Result<std::string> Unpacker::read_small(std::size_t limit) {
  if (::archive_entry_filetype(entry_) != AE_IFREG || !::archive_entry_size_is_set(entry_)) return fail(refused("no plain file"));
  const auto size = static_cast<std::uint64_t>(::archive_entry_size(entry_));
  if (size > limit) return fail(refused("longer than it may be"));
  std::string text(size, '\0');
  const la_ssize_t count = ::archive_read_data(tar_.get(), text.data(), text.size());
  TRY(Status(read_));
  if (count < 0 || static_cast<std::uint64_t>(count) != size) return fail(damaged(error_of(tar_.get(), "")));
  return text;
}

// --- members that are ours ---------------------------------------------------------------------------------------------------
Status Unpacker::take_manifest() {
  if (!TRY(next()) || shown() != kManifest) return fail(no_archive(strings::cat("its first member is not ", kManifest)));
  return channel_.send(Word::kManifest, TRY(read_small(kLongestManifest)));
}

Status Unpacker::take_checksum() {
  const la_int64_t position = ::archive_read_header_position(tar_.get());
  const std::string written = TRY(read_small(256));
  TRY(digest_until(static_cast<std::uint64_t>(position)));
  const std::string computed = digest_.take();
  if (strings::trim(written) != computed)
    return fail(Error::message(kTampered, EBADMSG).because("its content does not match its checksum").hint(kAgain));
  TRY(end_place());
  if (TRY(next())) return fail(refused("it follows the checksum, which must be the last"));
  TRY(counter_.flush());
  return channel_.send(Word::kDone, computed);
}

Result<std::string> Unpacker::run() {
  TRY(open());
  TRY(take_manifest());
  while (TRY(next())) {
    if (shown() == kChecksum) {
      TRY(take_checksum());
      return std::string();
    }
    TRY(take_member());
  }
  return fail(Error::message(kTampered, EBADMSG).because("it ends before its checksum").hint(kAgain));
}

std::string Unpacker::shown() const {
  const char* name = entry_ == nullptr ? nullptr : ::archive_entry_pathname(entry_);
  return name == nullptr ? "" : name;
}

Error Unpacker::refused(std::string_view why) const {
  constexpr std::size_t kShown = 200;
  return Error::message(
             strings::cat("the archive has a member that is refused: '", strings::printable(shown().substr(0, kShown)), "'"),
             EPERM)
      .because(why)
      .hint("it was not made by berth export, or has been tampered with: trust nothing of it");
}

// --- places ------------------------------------------------------------------------------------------------------------------
Status Unpacker::begin_place(const std::string& place) {
  TRY(end_place());
  if (std::ranges::find(places_, place) != places_.end()) return fail(refused("its place was complete already"));
  places_.push_back(place);
  TRY(counter_.flush());
  TRY(channel_.send(Word::kNeed, place));
  auto answer = TRY(channel_.receive());
  if (!answer || answer->word != Word::kPlace || !answer->descriptor) return fail("nobody wants the archive any more", ECANCELED);
  place_ = place;
  if (place == "stream") {
    stream_ = std::move(answer->descriptor);
    return {};
  }
  mount_ = std::move(answer->descriptor);
  Frame top{"", TRY(sys::open_at(mount_.get(), ".", O_RDONLY | O_DIRECTORY))};
  TRY(measure_room(top.directory.get()));
  frames_.push_back(std::move(top));
  return {};
}

// Each place may have a file system of its own. Where they share one, what the others took is no longer free.
Status Unpacker::measure_room(int directory) {
  struct ::statfs info{};
  TRY(check_call(call(SYS_fstatfs, directory, &info), "fstatfs", place_));
  room_ = static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize);
  written_here_ = 0;
  return {};
}

// Against what the user allows all roots together, else against what there is room for in this place.
Status Unpacker::charge_data(std::uint64_t bytes) {
  written_ += bytes;
  written_here_ += bytes;
  if (limits_.bytes != 0) return written_ > limits_.bytes ? Status(fail(too_large(limits_.bytes))) : Status{};
  return written_here_ > room_ ? Status(fail(no_room(room_))) : Status{};
}

Status Unpacker::end_place() {
  while (frames_.size() > 1) TRY(leave());
  if (!frames_.empty()) {
    const Fd top = TRY(sys::duplicate(frames_.front().directory.get()));
    TRY(late_flags_.apply_below(top, place_));
    TRY(leave());
    TRY(late_flags_.apply_top(top, place_));
    late_flags_.clear();
  }
  stream_ = Fd();
  mount_ = Fd();
  place_.clear();
  return {};
}

Status Unpacker::leave() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  kept_ -= frame.kept;
  if (!frame.described) return {};
  info_ = frame.info;
  attributes_ = std::move(frame.attributes);
  return finish_file(frame.directory, frame.name);
}

// To the directory that the member is made in.
Status Unpacker::go_to(const Placed& placed) {
  if (placed.place != place_) TRY(begin_place(placed.place));
  if (stream_ || placed.below.empty()) return {};
  const auto parents = std::span(placed.below).first(placed.below.size() - 1);
  std::size_t common = 0;
  while (common < parents.size() && common + 1 < frames_.size() && frames_[common + 1].name == parents[common]) ++common;
  while (frames_.size() > common + 1) TRY(leave());
  if (common < parents.size()) return fail(refused("its directory is not there, or was complete already"));
  return {};
}

Status Unpacker::take_stream_part() {
  if (::archive_entry_filetype(entry_) != AE_IFREG) return fail(refused("no plain file"));
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = ::archive_read_data_block(tar_.get(), &data, &size, &offset);
    TRY(Status(read_));
    if (result == ARCHIVE_EOF) return {};
    if (result != ARCHIVE_OK) return fail(damaged(error_of(tar_.get(), "")));
    TRY(sys::write_all(stream_.get(), {static_cast<const char*>(data), size}, "the stream"));
    TRY(counter_.add(size, 0));
  }
}

Result<std::vector<std::pair<std::string, std::string>>> Unpacker::attributes() {
  std::vector<std::pair<std::string, std::string>> found;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  ::archive_entry_xattr_reset(entry_);
  while (::archive_entry_xattr_next(entry_, &name, &value, &size) == ARCHIVE_OK)
    found.emplace_back(name, std::string(static_cast<const char*>(value), size));
  return found;
}

std::size_t Unpacker::attribute_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, value] : attributes_) bytes += name.size() + value.size();
  return bytes;
}

// Against what the user allows.
Status Unpacker::charge(std::uint64_t bytes) {
  sizes_ += bytes;
  return limits_.sizes != 0 && sizes_ > limits_.sizes ? Status(fail(too_large(limits_.sizes))) : Status{};
}

Status Unpacker::take_member() {
  const std::string path = shown();
  const Placed placed = TRY(place_of(path));
  TRY(go_to(placed));
  info_ = *::archive_entry_stat(entry_);
  attributes_.clear();
  flags_ = 0;
  is_socket_ = false;
  for (auto& [name, value] : TRY(attributes())) {
    if (name == kSocketAttribute)
      is_socket_ = true;
    else if (name == kFlagsAttribute)
      flags_ = strings::parse_number<int>(value).value_or(0);
    else
      attributes_.emplace_back(TRY(unescaped_attribute(name)), std::move(value));
  }
  TRY(charge(kEntryCost + attribute_bytes()));
  if (stream_) return placed.below.size() == 1 ? take_stream_part() : fail(refused("a stream has no directories"));
  if (placed.below.empty()) return describe_top();
  return make(std::string(placed.below.back()));
}

// --- files -------------------------------------------------------------------------------------------------------------------
Status Unpacker::describe_top() {
  Frame& top = frames_.front();
  if (!is_root(place_) || top.described || frames_.size() != 1 || ::archive_entry_filetype(entry_) != AE_IFDIR)
    return fail(refused("no directory, or not the first of its place"));
  top.info = info_;
  top.attributes = std::move(attributes_);
  top.described = true;
  TRY(keep_flags(""));
  return counter_.add(0, 1);
}

Status Unpacker::make(const std::string& name) {
  if (is_root(place_) && !frames_.front().described) return fail(refused("its place has no directory"));
  if (::archive_entry_hardlink(entry_) != nullptr) return make_link(name);
  const auto type = ::archive_entry_filetype(entry_);
  if (!is_root(place_) && type != AE_IFREG) return fail(refused("no plain file"));
  if (type == AE_IFDIR) return make_directory(name);
  if (type == AE_IFREG && !is_socket_) return make_regular(name);
  return make_special(name);
}

Status Unpacker::make_directory(const std::string& name) {
  const int parent = frames_.back().directory.get();
  const long made = call(SYS_mkdirat, parent, name.c_str(), kPrivateDirectory);
  // A new file system has one already.
  const bool was_there = made == -EEXIST && frames_.size() == 1 && name == "lost+found";
  if (made == -EEXIST && !was_there) return fail(refused("it is there twice"));
  if (!was_there) TRY(check_call(made, "mkdir", shown()));
  // They are set when all in it is there, and must not fill the memory until then.
  const std::size_t kept = attribute_bytes();
  if (kept_ + kept > kMostKept) return fail(refused("more extended attributes than berth keeps in mind"));
  kept_ += kept;
  Frame frame{name, TRY(sys::open_at(parent, name, kDirectory)), info_, true, std::move(attributes_), kept};
  frames_.push_back(std::move(frame));
  TRY(keep_flags(""));
  return counter_.add(0, 1);
}

// Of the directory that is open last, or of the entry `name` in it.
Status Unpacker::keep_flags(const std::string& name) {
  if (flags_ == 0) return {};
  const auto too_many = [&] { return fail(refused("more files with attributes (chattr) than berth keeps in mind")); };
  LateFlags::Node at = LateFlags::kTop;
  for (Frame& frame : std::span(frames_).subspan(1)) {
    if (frame.node == LateFlags::kTop && !late_flags_.add(at, frame.name, frame.node)) return too_many();
    at = frame.node;
  }
  if (!name.empty() && !late_flags_.add(at, name, at)) return too_many();
  return late_flags_.set(at, flags_) ? Status{} : too_many();
}

Status Unpacker::make_regular(const std::string& name) {
  if (!::archive_entry_size_is_set(entry_) || info_.st_size < 0) return fail(refused("no size"));
  const auto size = static_cast<std::uint64_t>(info_.st_size);
  TRY(charge(size));
  const long made = call(SYS_openat, frames_.back().directory.get(), name.c_str(), kNewFile, kPrivateFile);
  if (made == -EEXIST) return fail(refused("it is there twice"));
  TRY(check_call(made, "open", shown()));
  const Fd file(static_cast<int>(made));
  TRY(write_data(file, size));
  TRY(finish_file(file, name));
  TRY(keep_flags(name));
  return counter_.add(0, 1);
}

Status Unpacker::write_data(const Fd& file, std::uint64_t size) {
  std::uint64_t end = 0;
  for (;;) {
    const void* data = nullptr;
    std::size_t bytes = 0;
    la_int64_t offset = 0;
    const int result = ::archive_read_data_block(tar_.get(), &data, &bytes, &offset);
    TRY(Status(read_));
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK) return fail(damaged(error_of(tar_.get(), "")));
    const auto begin = static_cast<std::uint64_t>(offset);
    if (offset < 0 || begin < end || begin > size || bytes > size - begin) return fail(refused("data beyond its size"));
    TRY(charge_data(bytes));
    for (std::size_t done = 0; done < bytes;) {
      const long count = call(SYS_pwrite64, file.get(), static_cast<const char*>(data) + done, bytes - done, begin + done);
      TRY(check_call(count, "write", shown()));
      done += static_cast<std::size_t>(count);
    }
    end = begin + bytes;
    TRY(counter_.add(bytes, 0));
  }
  return end == size ? Status{} : check_call(call(SYS_ftruncate, file.get(), size), "ftruncate", shown());
}

Status Unpacker::set_attributes(int file, const std::string& name) {
  for (const auto& [attribute, value] : attributes_) {
    const long set = file >= 0 ? call(SYS_fsetxattr, file, attribute.c_str(), value.data(), value.size(), 0)
                               : call(SYS_lsetxattr, name.c_str(), attribute.c_str(), value.data(), value.size(), 0);
    TRY_CONTEXT(check_call(set, "setxattr", shown()), strings::printable(attribute));
  }
  return {};
}

// Owner first: a change of it takes set-id bits and capabilities away.
Status Unpacker::finish_file(const Fd& file, const std::string& name) {
  const std::array<::timespec, 2> times{info_.st_mtim, info_.st_mtim};
  TRY(check_call(call(SYS_fchown, file.get(), info_.st_uid, info_.st_gid), "chown", shown()));
  TRY(set_attributes(file.get(), name));
  TRY(check_call(call(SYS_fchmod, file.get(), info_.st_mode & kPermissions), "chmod", shown()));
  return check_call(call(SYS_utimensat, file.get(), nullptr, times.data(), 0), "utimensat", shown());
}

Status Unpacker::make_special(const std::string& name) {
  const int parent = frames_.back().directory.get();
  const auto type = ::archive_entry_filetype(entry_);
  const bool is_device = type == AE_IFCHR || type == AE_IFBLK;
  const auto major = static_cast<unsigned>(::archive_entry_rdevmajor(entry_)),
             minor = static_cast<unsigned>(::archive_entry_rdevminor(entry_));
  if (is_device && !limits_.any_device && !is_usual_device(type, major, minor))
    return fail(
        Error::message(strings::cat("the archive has a device node that containers don't have: '", strings::printable(shown()),
                                    "', ", type == AE_IFCHR ? "character " : "block ", major, ":", minor),
                       EPERM)
            .hint("where you trust the archive, add --allow-devices"));
  long made = -EINVAL;
  const char* target = ::archive_entry_symlink(entry_);
  if (type == AE_IFLNK && target != nullptr) TRY(charge(std::string_view(target).size()));
  if (type == AE_IFLNK && target != nullptr) made = call(SYS_symlinkat, target, parent, name.c_str());
  if (is_socket_) made = call(SYS_mknodat, parent, name.c_str(), S_IFSOCK | kPrivateFile, 0);
  if (type == AE_IFIFO) made = call(SYS_mknodat, parent, name.c_str(), S_IFIFO | kPrivateFile, 0);
  if (is_device) made = call(SYS_mknodat, parent, name.c_str(), type | kPrivateFile, makedev(major, minor));
  if (made == -EEXIST) return fail(refused("it is there twice"));
  TRY(check_call(made, "mknod", shown()));
  // By its name in a directory that only this process writes to.
  const std::array<::timespec, 2> times{info_.st_mtim, info_.st_mtim};
  TRY(check_call(call(SYS_fchdir, parent), "fchdir", shown()));
  TRY(check_call(call(SYS_fchownat, parent, name.c_str(), info_.st_uid, info_.st_gid, AT_SYMLINK_NOFOLLOW), "chown", shown()));
  TRY(set_attributes(-1, name));
  if (type != AE_IFLNK) TRY(check_call(call(SYS_fchmodat, parent, name.c_str(), info_.st_mode & kPermissions), "chmod", shown()));
  TRY(check_call(call(SYS_utimensat, parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), "utimensat", shown()));
  return counter_.add(0, 1);
}

// --- what was made before ----------------------------------------------------------------------------------------------------
// Component by component from the place, through directories only.
Result<Fd> Unpacker::open_made(const std::vector<std::string>& directories) {
  constexpr std::uint64_t kBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  if (frames_.empty()) return fail(refused("its place is complete"));
  Fd at = TRY(sys::duplicate(frames_.front().directory.get()));
  for (const std::string& name : directories)
    at = TRY(sys::open_at2(at.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, kBelow));
  return at;
}

Status Unpacker::make_link(const std::string& name) {
  const std::string target = ::archive_entry_hardlink(entry_);
  const Placed placed = TRY(place_of(target));
  if (placed.place != place_ || placed.below.empty() || !is_root(place_)) return fail(refused("a link to another place"));
  const std::vector<std::string> parents(placed.below.begin(), placed.below.end() - 1);
  auto directory = open_made(parents);
  if (!directory) return fail(refused("a link to what is not there"));
  const std::string last{placed.below.back()};
  struct ::stat info{};
  const long found = call(SYS_newfstatat, directory->get(), last.c_str(), &info, AT_SYMLINK_NOFOLLOW);
  if (found < 0 || S_ISDIR(info.st_mode)) return fail(refused("a link to what is not there"));
  const long made = call(SYS_linkat, directory->get(), last.c_str(), frames_.back().directory.get(), name.c_str(), 0);
  if (made == -EEXIST) return fail(refused("it is there twice"));
  TRY(check_call(made, "link", shown()));
  return counter_.add(0, 1);
}

}  // namespace berth::archive
