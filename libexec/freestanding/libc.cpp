// Runs in: helpers without a C library that use berth's layers (the monitor). The few functions of C and POSIX that those layers
// call, over raw system calls. What is missing here does not link: nothing of a C library comes in by chance.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "sys/raw.hpp"

namespace raw = berth::sys::raw;

extern "C" {

static int error_number = 0;
int* __errno_location() noexcept { return &error_number; }

static long answer(long result) {
  if (result >= 0 || result < -4095) return result;
  error_number = static_cast<int>(-result);
  return -1;
}

int close(int fd) { return static_cast<int>(answer(raw::call(SYS_close, fd))); }
ssize_t write(int fd, const void* data, size_t size) { return answer(raw::call(SYS_write, fd, data, size)); }
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

char* getenv(const char* name) noexcept {
  const std::size_t length = std::strlen(name);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::strlen(*entry) > length && std::memcmp(*entry, name, length) == 0 && (*entry)[length] == '=')
      return *entry + length + 1;
  }
  return nullptr;
}

// Never a setuid program: the kernel's answers are not kept.
unsigned long getauxval(unsigned long) noexcept { return 0; }

// cmsg(3)
cmsghdr* __cmsg_nxthdr(msghdr* message, cmsghdr* current) noexcept {
  const auto* end = static_cast<const unsigned char*>(message->msg_control) + message->msg_controllen;
  auto* next = reinterpret_cast<unsigned char*>(current) + CMSG_ALIGN(current->cmsg_len);
  if (current->cmsg_len < sizeof(cmsghdr) || next + sizeof(cmsghdr) > end) return nullptr;
  auto* header = reinterpret_cast<cmsghdr*>(next);
  return next + CMSG_ALIGN(header->cmsg_len) > end ? nullptr : header;
}
}
