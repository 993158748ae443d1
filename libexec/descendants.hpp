// All processes below this one, for a program that shares its pid namespace with strangers and is the reaper of its orphans.
// Raw system calls only.
//
// A process is known by an open directory of /proc: the kernel ties that to the process and not to its number, so neither its
// parent is read nor a signal sent after somebody else got the number.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/vfs.h>

#include "sys/raw.hpp"
#include "sys/scoped_fd.hpp"

namespace berth::descendants {

namespace raw = sys::raw;

using File = raw::ScopedFd;

// The number that `text` begins with; -1 when it is none or does not end at `end`.
inline long number_of(const char* text, char end) {
  long number = 0;
  const char* digit = text;
  for (; *digit >= '0' && *digit <= '9' && digit - text < 10; ++digit) number = number * 10 + (*digit - '0');
  return digit == text || *digit != end ? -1 : number;
}

inline long open_process(int proc, long number) {
  char name[24];
  char* at = name + sizeof name;
  *--at = '\0';
  do *--at = static_cast<char>('0' + number % 10);
  while ((number /= 10) != 0);
  return raw::call(SYS_openat, proc, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// -1 when the process is gone. The line is "NUMBER (NAME) STATE PARENT ...", and a name may hold parentheses.
inline long parent_of(int process) {
  const File file(raw::call(SYS_openat, process, "stat", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return -1;
  char line[512];
  const long size = raw::call(SYS_read, file.get(), line, sizeof line - 1);
  if (size <= 0) return -1;
  line[size] = '\0';
  long close = size - 1;
  while (close >= 0 && line[close] != ')') --close;
  constexpr long kToParent = 4;  // ") S "
  return close >= 0 && close + kToParent < size ? number_of(line + close + kToParent, ' ') : -1;
}

// Climbs from parent to parent. A process whose parent dies meanwhile gets another one, so each is asked again once its parent is
// held: only a living ancestor can take a process over, so the number can't have become a stranger's in between.
inline bool is_below(int proc, int process, long self) {
  constexpr int kMostSteps = 10'000;
  File current(raw::call(SYS_fcntl, process, F_DUPFD_CLOEXEC, 0));
  for (int step = 0; current.valid() && step < kMostSteps; ++step) {
    const long parent = parent_of(current.get());
    if (parent == self) return true;
    if (parent <= 1) return false;
    File above(open_process(proc, parent));
    if (parent_of(current.get()) == parent) current.reset(above.release());
  }
  return false;
}

inline bool shows_own_namespace(int proc) {
  struct statfs about;
  if (raw::call(SYS_fstatfs, proc, &about) < 0 || about.f_type != PROC_SUPER_MAGIC) return false;
  char self[16] = {};
  if (raw::call(SYS_readlinkat, proc, "self", self, sizeof self - 1) <= 0) return false;
  return number_of(self, '\0') == raw::call(SYS_getpid);
}

// The container's /proc, or, where it has none or another namespace's, a file system of our own that nobody else sees.
inline long open_proc() {
  File there(raw::call(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (there.valid() && shows_own_namespace(there.get())) return there.release();
  const File made(raw::call(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
  if (!made.valid() || raw::call(SYS_fsconfig, made.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return -1;
  File mounted(raw::call(SYS_fsmount, made.get(), FSMOUNT_CLOEXEC, 0));
  if (!mounted.valid()) return -1;
  const long listed = raw::call(SYS_openat, mounted.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // the other can't be read
  if (listed < 0) return -1;
  File own(listed);
  return shows_own_namespace(own.get()) ? own.release() : -1;
}

// False when the kernel has no call for it. Other refusals: it is gone, or another user's.
inline bool signal_if_below(int proc, const char* name, long self, int number) {
  const long found = number_of(name, '\0');
  if (found <= 1 || found == self) return true;
  const File process(open_process(proc, found));
  if (!process.valid() || !is_below(proc, process.get(), self)) return true;
  return raw::call(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) != -ENOSYS;
}

// False when processes can't be listed here, or not be signalled by what was listed.
inline bool signal_all(int number) {
  struct Entry {  // what getdents64 writes
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t size;
    std::uint8_t type;
    char name[1];
  };
  const File proc(open_proc());
  if (!proc.valid()) return false;
  const long self = raw::call(SYS_getpid);
  alignas(Entry) char entries[4096];
  for (;;) {
    const long size = raw::call(SYS_getdents64, proc.get(), entries, sizeof entries);
    if (size <= 0) return size == 0;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(entries + at);
      if (!signal_if_below(proc.get(), entry->name, self, number)) return false;
      at += entry->size;
    }
  }
}

}  // namespace berth::descendants
