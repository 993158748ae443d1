// Runs in: commands and the monitor.
#include "sys/clone_until_exec.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

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

// What the process in the middle tells by a pipe, when it has no memory in common with the caller.
struct Birth {
  long pid;  // or -errno
  int pidfd;
};

[[noreturn]] void leave() {
  for (;;) (void)raw::call(SYS_exit_group, 0);
}

// It ends at once. Its status tells nothing, so it may as well have been reaped by a handler of the caller.
void reap_middle(pid_t pid) { (void)detail::retry(SYS_wait4, pid, nullptr, static_cast<int>(__WALL), nullptr); }

// The process in the middle shares the table of descriptors, where the child's pidfd ends.
Result<Cloned> clone_detached_copying(std::uint64_t flags, int cgroup_fd, void (*child)(void*), void* data) {
  auto [read_end, write_end] = TRY(make_pipe());
  const Cloned middle = TRY(clone(CLONE_FILES));
  if (middle.pid == 0) {
    Result<Cloned> born = clone(flags, cgroup_fd);
    if (born && born->pid == 0) child(data);
    const Birth birth = born ? Birth{born->pid, born->pidfd.release()} : Birth{-born.error().code(), -1};
    (void)raw::call(SYS_write, write_end.get(), &birth, sizeof birth);
    leave();
  }
  reap_middle(middle.pid);
  write_end.reset();
  Birth birth{-EIO, -1};
  (void)detail::retry(SYS_read, read_end.get(), &birth, sizeof birth);
  if (birth.pid < 0) return detail::refusal(birth.pid, "clone3", {});
  return Cloned{static_cast<pid_t>(birth.pid), Fd(birth.pidfd)};
}

#ifdef BERTH_CAN_SHARE_MEMORY
bool can_share(const ChildStack& stack) { return stack.valid() && raw::dispatch == raw::kernel && has(Feature::kClone3); }

// Arguments of a child that lives on its stack until it executes a program.
struct Request {
  clone_args arguments{};
  std::size_t size;
  void (*child)(void*);
  void* data;
  int pidfd = -1;
  long pid = -EIO;

  Request(const ChildStack& stack, std::uint64_t flags, int cgroup_fd, void (*function)(void*), void* argument)
      : size(cgroup_fd >= 0 ? CLONE_ARGS_SIZE_VER2 : CLONE_ARGS_SIZE_VER0), child(function), data(argument) {
    arguments.flags = flags | CLONE_PIDFD | CLONE_VM;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    arguments.stack = stack.address();
    arguments.stack_size = ChildStack::kSize;
    if (cgroup_fd < 0) return;
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  void clone_child() { pid = clone3_on_stack(&arguments, size, child, data); }
  Result<Cloned> outcome() {
    if (pid < 0) return detail::refusal(pid, "clone3", {});
    return Cloned{static_cast<pid_t>(pid), Fd(pidfd)};
  }
};
#endif

}  // namespace

ChildStack::ChildStack()
    : base_(::mmap(nullptr, kSize + kMiddleSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}

ChildStack::~ChildStack() {
  if (valid()) ::munmap(base_, kSize + kMiddleSize);
}

bool ChildStack::valid() const { return base_ != MAP_FAILED; }

Result<Cloned> clone_until_exec([[maybe_unused]] const ChildStack& stack, std::uint64_t flags, int cgroup_fd,
                                void (*child)(void*), void* data) {
#ifdef BERTH_CAN_SHARE_MEMORY
  if (can_share(stack)) {
    Request request(stack, flags, cgroup_fd, child, data);
    request.clone_child();
    return request.outcome();
  }
#endif
  return clone_copying(flags, cgroup_fd, child, data);
}

Result<Cloned> clone_detached_until_exec([[maybe_unused]] const ChildStack& stack, std::uint64_t flags, int cgroup_fd,
                                         void (*child)(void*), void* data) {
#ifdef BERTH_CAN_SHARE_MEMORY
  if (can_share(stack)) {
    Request request(stack, flags, cgroup_fd, child, data);
    clone_args middle{};
    // No exit signal: no handler of the caller hears of it, and none that waits for everybody takes it.
    middle.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES;
    middle.stack = stack.middle_address();
    middle.stack_size = ChildStack::kMiddleSize;
    const auto act = [](void* between) {
      static_cast<Request*>(between)->clone_child();
      leave();
    };
    const long pid = clone3_on_stack(&middle, CLONE_ARGS_SIZE_VER0, act, &request);
    if (pid < 0) return detail::refusal(pid, "clone3", {});
    reap_middle(static_cast<pid_t>(pid));
    return request.outcome();
  }
#endif
  return clone_detached_copying(flags, cgroup_fd, child, data);
}

}  // namespace berth::sys
