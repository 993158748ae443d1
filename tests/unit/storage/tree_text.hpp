// What a test compares of two trees, as text; and what it makes of a process's threads and inode flags.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::testing {

inline unsigned flags_of(const std::string& path) {
  unsigned flags = 0;
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) flags = 0;
  ::close(fd);
  return flags & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NOATIME_FL | FS_NODUMP_FL);
}

// False: not here, or not by this user.
inline bool set_flags(const std::string& path, unsigned flags, unsigned mask) {
  unsigned known = 0;
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  bool is_set = ::ioctl(fd, FS_IOC_GETFLAGS, &known) == 0;
  known = (known & ~mask) | flags;
  is_set = is_set && ::ioctl(fd, FS_IOC_SETFLAGS, &known) == 0;
  ::close(fd);
  return is_set;
}

inline void describe_below(const std::string& top, const std::string& name, std::vector<std::string>& lines) {
  const std::string path = top + name;
  struct ::stat info{};
  if (::lstat(path.c_str(), &info) != 0) return;
  std::string content;
  if (S_ISREG(info.st_mode)) content = sys::read_file(path).value_or("?");
  if (S_ISLNK(info.st_mode)) content = sys::read_link(path).value_or("?");
  const bool is_directory = S_ISDIR(info.st_mode);
  const unsigned flags = S_ISREG(info.st_mode) || is_directory ? flags_of(path) : 0;
  lines.push_back(strings::cat(name, " ", info.st_mode, " ", info.st_uid, ":", info.st_gid, " ", info.st_rdev, " ",
                               is_directory ? 0 : info.st_nlink, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ", flags,
                               " ", content));
  if (!is_directory) return;
  if (const auto entries = sys::list_directory(path))
    for (const auto& entry : *entries) describe_below(top, name + "/" + entry.name, lines);
}

inline std::string describe(const std::string& top) {
  std::vector<std::string> lines;
  describe_below(top, "", lines);
  std::ranges::sort(lines);
  return strings::join(lines, "\n");
}

// One that was joined is listed for a moment longer: compare with wait_for_threads().
inline std::size_t threads() { return sys::list_directory("/proc/self/task")->size(); }

// Whether at most `expected` are left, within a second.
inline bool wait_for_threads(std::size_t expected) {
  for (int turn = 0; turn < 1000; ++turn) {
    if (threads() <= expected) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace berth::testing
