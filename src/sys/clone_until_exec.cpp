// Runs in: commands and the monitor.
#include "sys/clone_until_exec.hpp"

#include <signal.h>
#include <sys/mman.h>

#include "sys/features.hpp"
#include "sys/outcome.hpp"
#include "sys/raw.hpp"

namespace berth::sys {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BERTH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BERTH_SANITIZED 1
#endif
#endif

// clone3 with a stack of the child's own: the one call that can't return through C in the child.
#if defined(__x86_64__) && !defined(BERTH_SANITIZED)
#define BERTH_CAN_SHARE_MEMORY 1
long clone3_on_stack(clone_args* arguments, std::size_t size, void (*child)(void*), void* data) {
  long result;
  // The child needs its two operands after the call: registers that the kernel keeps and that the code below does not use.
  register void (*function)(void*) asm("r12") = child;
  register void* argument asm("r13") = data;
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %[argument], %%rdi\n\t"
      "callq *%[function]\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(arguments), "S"(size), [function] "r"(function), [argument] "r"(argument)
      : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__) && !defined(BERTH_SANITIZED)
#define BERTH_CAN_SHARE_MEMORY 1
long clone3_on_stack(clone_args* arguments, std::size_t size, void (*child)(void*), void* data) {
  register long number asm("x8") = SYS_clone3;
  register long result asm("x0") = reinterpret_cast<long>(arguments);
  register long bytes asm("x1") = static_cast<long>(size);
  asm volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x0, %[data]\n\t"
      "blr %[child]\n\t"
      "brk 1\n"
      "1:"
      : "+r"(result)
      : "r"(number), "r"(bytes), [child] "r"(child), [data] "r"(data)
      : "memory");
  return result;
}
#endif

Result<Cloned> clone_copying(std::uint64_t flags, int cgroup_fd, void (*child)(void*), void* data) {
  Result<Cloned> born = clone(flags, cgroup_fd);
  if (born && born->pid == 0) child(data);
  return born;
}

}  // namespace

ChildStack::ChildStack()
    : base_(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}

ChildStack::~ChildStack() {
  if (valid()) ::munmap(base_, kSize);
}

bool ChildStack::valid() const { return base_ != MAP_FAILED; }

Result<Cloned> clone_until_exec([[maybe_unused]] const ChildStack& stack, std::uint64_t flags, int cgroup_fd,
                                void (*child)(void*), void* data) {
#ifdef BERTH_CAN_SHARE_MEMORY
  if (!stack.valid() || raw::dispatch != raw::kernel || !has(Feature::kClone3))
    return clone_copying(flags, cgroup_fd, child, data);
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD | CLONE_VM;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = stack.address();
  arguments.stack_size = ChildStack::kSize;
  if (cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  const std::size_t size = cgroup_fd >= 0 ? CLONE_ARGS_SIZE_VER2 : CLONE_ARGS_SIZE_VER0;
  const long pid = clone3_on_stack(&arguments, size, child, data);
  if (pid < 0) return detail::refusal(pid, "clone3", {});
  return Cloned{static_cast<pid_t>(pid), Fd(pidfd)};
#else
  return clone_copying(flags, cgroup_fd, child, data);
#endif
}

}  // namespace berth::sys
