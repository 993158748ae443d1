// A child that only lives until it executes a program: it borrows the caller's memory, and a stack of its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.hpp"
#include "sys/process.hpp"

namespace berth::sys {

// What the child runs on. Must live until the child has executed its program or ended.
class ChildStack {
 public:
  ChildStack();
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack();
  [[nodiscard]] bool valid() const;
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(base_); }
  static constexpr std::size_t kSize = 64 << 10;  // its frames are small
  // Of the process between the caller and a detached child, which makes one call and ends.
  [[nodiscard]] std::uint64_t middle_address() const { return address() + kSize; }
  static constexpr std::size_t kMiddleSize = 16 << 10;

 private:
  void* base_;
};

// Runs `child(data)` in a new process, which must end in exec or exit and may use raw system calls only. It shares the caller's
// memory (CLONE_VM): no page table is copied, which is what makes starting a program cheap from a process with a large memory.
// The caller goes on at once and leaves alone what `data` reaches until the child is done. Falls back to sys::clone where that is
// not possible: under sanitizers, in tests that replace raw::dispatch, on other machines, without clone3.
Result<Cloned> clone_until_exec(const ChildStack& stack, std::uint64_t flags, int cgroup_fd, void (*child)(void*), void* data);

// The same for a child that is nobody's of ours: its parent is a process between us, which is over when this returns, so that the
// child belongs to the host's first process (or the caller's subreaper). The caller gets no SIGCHLD, and has nobody to wait for.
Result<Cloned> clone_detached_until_exec(const ChildStack& stack, std::uint64_t flags, int cgroup_fd, void (*child)(void*),
                                         void* data);

}  // namespace berth::sys
