// Programs that the kernel runs for us.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::sys {

// BPF_PROG_TYPE_CGROUP_DEVICE: the verdict on every access to a device, 1 = allow.
Result<Fd> load_device_program(std::span<const bpf_insn> program);
// Adds it to those of the group (BPF_F_ALLOW_MULTI: all must allow); it stays until the group is removed. `path` names the group.
Status attach_device_program(int program, int group, const std::string& path);
// Puts `program` into the place of `old`. There is no moment without a verdict: kernels that can't replace (before 5.6) let both
// decide in between.
Status replace_device_program(int program, int old, int group, const std::string& path);
Status detach_device_program(int program, int group, const std::string& path);

}  // namespace berth::sys
