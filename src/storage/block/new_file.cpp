// Runs in: host commands.
#include "storage/block/new_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage::block {
namespace {

constexpr mode_t kMode = 0600;
// The sticky bit, which means nothing of a file: somebody's image may have the name of an unfinished one, but not this.
constexpr mode_t kMark = S_ISVTX;
constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;

std::string staging_of(const std::string& path) { return path + ".unfinished"; }

Status forgive_absence(Status outcome) {
  if (!outcome && outcome.error().code() == ENOENT) return {};
  return outcome;
}

// By flock(2), which nobody else uses for images: qemu-nbd and os::attach_loop_device() have the other kind.
bool lock(const Fd& file) { return sys::raw::call(SYS_flock, file.get(), LOCK_EX | LOCK_NB) == 0; }

// Never over something that has come meanwhile.
Status give_name(const std::string& from, const std::string& to) {
  const long outcome = sys::raw::call(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (outcome == 0) return {};
  if (outcome != -EINVAL) return fail(Error::from_errno(static_cast<int>(-outcome), "rename", strings::cat(from, " -> ", to)));
  TRY(sys::link(from, to));  // a file system without that flag
  return sys::unlink(from);
}

// What a killed process left. Whoever makes it has it locked. Removed, not used again: a program that the killed one had started
// may still write to it. What has its name without the mark stays.
Status remove_stale(const std::string& staging, const NewFile::Discard& discard) {
  const auto file = sys::open(staging, O_RDWR | O_NOFOLLOW);
  if (!file && file.error().code() == ENOENT) return {};
  if (!file) return fail(file.error());
  if ((TRY(sys::stat_fd(file->get())).st_mode & kMark) == 0) return {};
  if (!lock(*file)) return fail(Error::from_errno(EBUSY, "create", staging).because("another process is making it"));
  if (discard) TRY(discard(staging));
  return forgive_absence(sys::unlink(staging));
}

Error in_the_way(const std::string& staging) {
  return Error::from_errno(EEXIST, "create", staging)
      .because("an image has that name while it is made; and nothing (the sticky bit) says that it was left by that")
      .hint("choose another name; or, if nobody needs that file, remove it");
}

Status sync_directory_of(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const Fd fd = TRY(sys::open(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY));
  return sys::sync_file(fd.get(), directory);
}

}  // namespace

NewFile::NewFile(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)), staging_(staging_of(path_)) {}

Result<NewFile> NewFile::begin(const std::string& path, const Discard& discard) {
  if (sys::stat_link(path)) return fail(Error::from_errno(EEXIST, "create", path));
  TRY(remove_stale(staging_of(path), discard));
  auto file = sys::open(staging_of(path), kFlags, kMark | kMode);
  if (!file && file.error().code() == EEXIST) return fail(in_the_way(staging_of(path)));
  if (!file) return fail(std::move(file.error()));
  NewFile made(std::move(*file), path);
  if (!lock(made.file())) return fail(Error::from_errno(EBUSY, "lock", made.path()));
  return made;
}

Status NewFile::finish() {
  if ((TRY(sys::stat_fd(file_.get())).st_mode & kMark) != 0) TRY(sys::chmod(staging_, kMode));
  TRY(sys::sync_file(file_.get(), staging_));
  TRY(give_name(staging_, path_));
  file_.reset();
  return sync_directory_of(path_);
}

NewFile::~NewFile() {
  if (file_.valid()) static_cast<void>(sys::unlink(staging_));
}

Status NewFile::remove(const std::string& path, const Discard& discard) {
  TRY(remove_stale(staging_of(path), discard));
  return forgive_absence(sys::unlink(path));
}

}  // namespace berth::storage::block
