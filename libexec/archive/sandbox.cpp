// Runs in: berth-archive.
#include "sandbox.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::archive {
namespace {

using sys::raw::call;

Status check_call(long result, std::string_view operation, std::string_view object = {}) {
  if (result >= 0) return {};
  return fail(Error::from_errno(static_cast<int>(-result), operation, object));
}

// An empty directory becomes the root: a file system of its own in a namespace of its own.
Status hide_files() {
  TRY(sys::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, "namespaces of the archive worker"));
  TRY(check_call(call(SYS_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount", "/"));
  TRY(check_call(call(SYS_mount, "none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555"), "mount",
                 "/proc"));
  TRY(check_call(call(SYS_chdir, "/proc"), "chdir", "/proc"));
  TRY(check_call(call(SYS_pivot_root, ".", "."), "pivot_root", "/proc"));
  TRY(check_call(call(SYS_umount2, ".", MNT_DETACH), "umount2", "."));
  return check_call(call(SYS_chdir, "/"), "chdir", "/");
}

constexpr auto kKept = std::to_array<unsigned>({
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP,
    CAP_LINUX_IMMUTABLE,  // flags of files
    CAP_SYS_ADMIN,        // attributes trusted.*; what else it allows takes calls that the filter refuses
});

Status drop_capabilities() {
  ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<::__user_cap_data_struct, 2> data{};
  TRY(check_call(call(SYS_capget, &header, data.data()), "capget"));
  std::array<unsigned, 2> kept{};
  for (const unsigned one : kKept) kept.at(one / 32) |= 1U << (one % 32);
  for (std::size_t i = 0; i < data.size(); ++i) {
    data.at(i).permitted &= kept.at(i);
    data.at(i).effective = data.at(i).permitted;
    data.at(i).inheritable = 0;
  }
  return check_call(call(SYS_capset, &header, data.data()), "capset");
}

constexpr auto kCalls = std::to_array<const char*>({
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "lseek",
    "close",
    "fstat",
    "newfstatat",
    "statx",
    "fstatfs",
    "fcntl",
    "dup",
    "openat",
    "openat2",
    "getdents64",
    "readlinkat",
    "mkdirat",
    "mknodat",
    "symlinkat",
    "linkat",
    "ftruncate",
    "fallocate",
    "fchdir",
    "fchown",
    "fchownat",
    "fchmod",
    "fchmodat",
    "utimensat",
    "fgetxattr",
    "lgetxattr",
    "flistxattr",
    "llistxattr",
    "fsetxattr",
    "lsetxattr",
    "sendmsg",
    "recvmsg",
    "poll",
    "ppoll",
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "futex",
    "clock_gettime",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "getpid",
    "gettid",
    "sched_yield",
    "sched_getaffinity",
    "rt_sigprocmask",
    "rt_sigaction",
    "rt_sigreturn",
    "sigaltstack",
    "restart_syscall",
    "set_robust_list",
    "rseq",
    "exit",
    "exit_group",
    "tgkill",
    "prlimit64",
    "geteuid",
    "getegid",
    "getuid",
    "getgid",
    "umask",
    "sysinfo",
    "uname",
});

struct FreeFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

// Threads for the compressor are all that may be made of it.
Status filter_calls() {
  const std::unique_ptr<void, FreeFilter> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return fail("libseccomp makes no filter", ENOMEM);
  int result = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  for (const char* name : kCalls) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number >= 0 && result == 0) result = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0);
  }
  const auto thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
  if (result == 0) result = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
  // The C library then takes clone(2), whose flags can be looked at.
  if (result == 0) result = ::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  for (const unsigned long request : {FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_GETVERSION})
    if (result == 0)
      result = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, scmp_arg_cmp{1, SCMP_CMP_EQ, request, 0});
  if (result == 0) result = ::seccomp_load(filter.get());
  return check_call(result, "seccomp", "the archive worker's filter");
}

Status raise_limit() {
  ::rlimit64 limit{};
  TRY(check_call(call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit), "prlimit"));
  limit.rlim_cur = limit.rlim_max;
  return check_call(call(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr), "prlimit");
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // takes terabytes of addresses
#elif defined(__has_feature)
constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer);
#else
constexpr bool kSanitized = false;
#endif
// libarchive gives the decoder of xz 1 GiB; that of zstd takes 128 MiB, and what the unpacker keeps in mind as much.
constexpr unsigned long kMostMemory = 2UL << 30;

}  // namespace

Status limit_memory() {
  if (kSanitized) return {};
  const ::rlimit64 limit{kMostMemory, kMostMemory};
  return check_call(call(SYS_prlimit64, 0, RLIMIT_AS, &limit, nullptr), "prlimit");
}

Status enter_sandbox() {
  TRY(raise_limit());
  TRY(hide_files());
  TRY(drop_capabilities());
  TRY(check_call(call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)"));
  return filter_calls();
}

}  // namespace berth::archive
