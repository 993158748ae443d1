// A child that only lives until it executes a program: it borrows the caller's memory, and the caller waits for it.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "sys/process.hpp"

namespace berth::sys {

// Runs `child(data)` in a new process, which must end in exec or exit and may use raw system calls only. The caller sleeps until
// then (CLONE_VFORK) and no page table is copied (CLONE_VM), which is what makes starting a program cheap from a process with
// a large memory. Falls back to sys::clone where that is not possible: under sanitizers, in tests that replace
// raw::dispatch, on other machines, without clone3.
Result<Cloned> clone_until_exec(std::uint64_t flags, int cgroup_fd, void (*child)(void*), void* data);

}  // namespace berth::sys
