// Runs in: commands and programs that embed the library.
#include "os/lock.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/strings.hpp"
#include "os/rundir.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::os {
namespace {

constexpr mode_t kLockMode = 0600;

Result<Fd> open_lock_file(const std::string& path) {
  return sys::open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY, kLockMode);
}

// True: locked. False: held by somebody else.
Result<bool> try_lock(int fd, const std::string& path) {
  const Status locked = sys::lock_file(fd, false, path);
  if (locked) return true;
  if (locked.error().code() == EAGAIN) return false;
  return fail(locked.error());
}

}  // namespace

void FileLock::release() {
  if (fd_) sys::unlock_file(fd_.get());
  fd_.reset();
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  Fd fd = TRY(open_lock_file(path));
  return acquire_fd(std::move(fd), path);
}

Result<FileLock> FileLock::acquire_shared(const std::string& path) {
  Fd fd = TRY(open_lock_file(path));
  TRY(sys::lock_file_shared(fd.get(), path));
  return FileLock(std::move(fd), path);
}

Result<FileLock> FileLock::acquire_fd(Fd file, std::string path) {
  TRY(sys::lock_file(file.get(), true, path));
  return FileLock(std::move(file), std::move(path));
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path) {
  Fd fd = TRY(open_lock_file(path));
  return try_acquire_fd(std::move(fd), path);
}

Result<std::optional<FileLock>> FileLock::try_acquire_fd(Fd file, std::string path) {
  const bool locked = TRY(try_lock(file.get(), path));
  if (!locked) return std::optional<FileLock>{};
  return std::optional<FileLock>(FileLock(std::move(file), std::move(path)));
}

// The kernel has no lock call with a time-out, and an alarm signal is not ours to use in a library: so it is asked repeatedly.
Result<std::optional<FileLock>> FileLock::acquire_within(const std::string& path, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLongestPause(50);
  const Clock::time_point end = Clock::now() + timeout;
  Fd fd = TRY(open_lock_file(path));
  for (std::chrono::milliseconds pause(1);; pause = std::min(pause * 2, kLongestPause)) {
    const bool locked = TRY(try_lock(fd.get(), path));
    if (locked) return std::optional<FileLock>(FileLock(std::move(fd), path));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return std::optional<FileLock>{};
    sys::sleep_for(std::min(pause, left));
  }
}

Result<std::string> ensure_container_lock_file(const std::string& lxcpath, const std::string& name) {
  const std::string run = TRY(run_directory());
  return ensure_container_lock_file(run, lxcpath, name);
}

namespace {

Result<std::string> lock_file_in(const std::string& run_directory, const std::string& below, const std::string& name) {
  TRY_CONTEXT(ensure_private_directory(run_directory, below), "making the directory of the container's lock");
  return strings::cat(run_directory, '/', below, "/.", name);
}

}  // namespace

Result<std::string> ensure_container_lock_file(const std::string& run_directory, const std::string& lxcpath,
                                               const std::string& name) {
  return lock_file_in(run_directory, strings::cat("lxc/lock/", strings::trim(lxcpath, "/")), name);
}

std::string guardian_lock_file(const std::string& name_lock) {
  std::string path = name_lock;
  return path.insert(path.rfind('/') + 1, "guard");
}

Result<std::string> ensure_name_lock_file(const std::string& name) {
  return lock_file_in(TRY(run_directory()), "lxc/names", name);
}

}  // namespace berth::os
