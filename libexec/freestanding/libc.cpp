// Runs in: programs without a C library that use berth's layers. The few functions of C and POSIX that those layers
// call, over raw system calls. What is missing here does not link: nothing of a C library comes in by chance.
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "sys/raw.hpp"

namespace raw = berth::sys::raw;

extern "C" {

extern const Elf64_auxv_t* berth_auxiliary_vector;  // start.cpp

static int error_number = 0;
int* __errno_location() noexcept { return &error_number; }

static long answer(long result) {
  if (result >= 0 || result < -4095) return result;
  error_number = static_cast<int>(-result);
  return -1;
}

int close(int fd) { return static_cast<int>(answer(raw::call(SYS_close, fd))); }
ssize_t read(int fd, void* data, size_t size) { return answer(raw::call(SYS_read, fd, data, size)); }
ssize_t pread(int fd, void* data, size_t size, off_t offset) { return answer(raw::call(SYS_pread64, fd, data, size, offset)); }
ssize_t write(int fd, const void* data, size_t size) { return answer(raw::call(SYS_write, fd, data, size)); }
int poll(pollfd* entries, nfds_t count, int milliseconds) {
  timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  return static_cast<int>(
      answer(raw::call(SYS_ppoll, entries, count, milliseconds < 0 ? nullptr : &limit, nullptr, sizeof(std::uint64_t))));
}
int isatty(int fd) noexcept {
  char settings[64];  // more than the kernel's struct termios
  return answer(raw::call(SYS_ioctl, fd, TCGETS, settings)) == 0 ? 1 : 0;
}
int uname(utsname* names) noexcept { return static_cast<int>(answer(raw::call(SYS_uname, names))); }
uid_t geteuid() noexcept { return static_cast<uid_t>(raw::call(SYS_geteuid)); }
void _exit(int status) {
  for (;;) raw::call(SYS_exit_group, status);
}

void* mmap(void* hint, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  return reinterpret_cast<void*>(answer(raw::call(SYS_mmap, hint, size, protection, flags, fd, offset)));
}
int munmap(void* address, size_t size) noexcept { return static_cast<int>(answer(raw::call(SYS_munmap, address, size))); }

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  return static_cast<int>(answer(raw::call(SYS_clock_gettime, clock, time)));
}
int nanosleep(const timespec* wanted, timespec* left) { return static_cast<int>(answer(raw::call(SYS_nanosleep, wanted, left))); }

// A set of the kernel's 64 signals in the first word; the rest of glibc's type stays unused.
int sigemptyset(sigset_t* set) noexcept {
  std::memset(set, 0, sizeof *set);
  return 0;
}
int sigaddset(sigset_t* set, int signal) noexcept {
  *reinterpret_cast<std::uint64_t*>(set) |= std::uint64_t{1} << (signal - 1);
  return 0;
}

// The C library keeps the first two real-time signals for itself; names like SIGRTMIN+3 count from what it leaves.
int __libc_current_sigrtmin() noexcept { return 34; }
int __libc_current_sigrtmax() noexcept { return 64; }

unsigned long gnu_dev_makedev(unsigned major, unsigned minor) noexcept {  // makedev(3)
  const std::uint64_t high = major, low = minor;
  return (high & 0xfffU) << 8 | (high & 0xfffff000U) << 32 | (low & 0xffU) | (low & 0xffffff00U) << 12;
}

char* getenv(const char* name) noexcept {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::size_t same = 0;
    while (name[same] != '\0' && (*entry)[same] == name[same]) ++same;
    if (name[same] == '\0' && (*entry)[same] == '=') return *entry + same + 1;
  }
  return nullptr;
}

unsigned long getauxval(unsigned long type) noexcept {
  for (const Elf64_auxv_t* entry = berth_auxiliary_vector; entry != nullptr && entry->a_type != AT_NULL; ++entry) {
    if (entry->a_type == type) return entry->a_un.a_val;
  }
  error_number = ENOENT;
  return 0;
}

// cmsg(3)
cmsghdr* __cmsg_nxthdr(msghdr* message, cmsghdr* current) noexcept {
  const auto* end = static_cast<const unsigned char*>(message->msg_control) + message->msg_controllen;
  auto* next = reinterpret_cast<unsigned char*>(current) + CMSG_ALIGN(current->cmsg_len);
  if (current->cmsg_len < sizeof(cmsghdr) || next + sizeof(cmsghdr) > end) return nullptr;
  auto* header = reinterpret_cast<cmsghdr*>(next);
  return next + CMSG_ALIGN(header->cmsg_len) > end ? nullptr : header;
}
}
