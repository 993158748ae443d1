// Locks between processes: a write lock on an open file description, so that threads exclude each other as processes do and
// the kernel frees it when its holder dies.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::os {

class FileLock {
 public:
  // The file is made (mode 0600) when absent, never followed when a link, and stays when the lock goes.
  static Result<FileLock> acquire(const std::string& path);  // waits for ever
  // Beside others of this kind; it and acquire() exclude each other.
  static Result<FileLock> acquire_shared(const std::string& path);  // waits for ever
  // Nothing when somebody holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path);
  // Nothing when somebody still held it after `timeout`.
  static Result<std::optional<FileLock>> acquire_within(const std::string& path, std::chrono::milliseconds timeout);
  // Takes over a file that is open for writing already; waits. `path` is for texts.
  static Result<FileLock> acquire_fd(Fd file, std::string path);
  static Result<std::optional<FileLock>> try_acquire_fd(Fd file, std::string path);

  FileLock(FileLock&& other) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept {
    release();
    fd_ = std::move(other.fd_);
    path_ = std::move(other.path_);
    return *this;
  }
  // Explicitly: a copy of this process may have the descriptor too.
  ~FileLock() { release(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  FileLock(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  void release();
  Fd fd_;
  std::string path_;
};

// RUNDIR/lxc/lock/LXCPATH/.NAME, LXC's lock of a container; shared with LXC's own tools. Makes the directories above it.
Result<std::string> ensure_container_lock_file(const std::string& lxcpath, const std::string& name);
// RUNDIR/lxc/names/.NAME: the lock of a name, wherever its containers are.
Result<std::string> ensure_name_lock_file(const std::string& name);
// RUNDIR/lxc/names/guard.NAME for that path: held by the guardian of a container's networks (monitor/guardian.hpp).
std::string guardian_lock_file(const std::string& name_lock);
// The same below a given run directory.
Result<std::string> ensure_container_lock_file(const std::string& run_directory, const std::string& lxcpath,
                                               const std::string& name);

}  // namespace berth::os
