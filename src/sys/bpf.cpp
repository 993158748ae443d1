// Runs in: every process on the host's side.
#include "sys/bpf.hpp"

#include <string_view>

#include "base/strings.hpp"
#include "sys/outcome.hpp"

namespace berth::sys {
namespace {

constexpr std::string_view kName = "berth_devices";
static_assert(kName.size() < BPF_OBJ_NAME_LEN);

bpf_attr attachment(int program, int group) {
  bpf_attr request{};
  request.target_fd = static_cast<std::uint32_t>(group);
  request.attach_bpf_fd = static_cast<std::uint32_t>(program);
  request.attach_type = BPF_CGROUP_DEVICE;
  return request;
}

}  // namespace

Result<Fd> load_device_program(std::span<const bpf_insn> program) {
  bpf_attr request{};
  request.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  request.insns = reinterpret_cast<std::uintptr_t>(program.data());
  request.insn_cnt = static_cast<std::uint32_t>(program.size());
  request.license = reinterpret_cast<std::uintptr_t>("LGPL");
  request.expected_attach_type = BPF_CGROUP_DEVICE;
  kName.copy(request.prog_name, kName.size());
  return detail::owned(detail::retry(SYS_bpf, BPF_PROG_LOAD, &request, sizeof request), "bpf",
                       strings::cat("load, ", program.size(), " instructions"));
}

Status attach_device_program(int program, int group, const std::string& path) {
  bpf_attr request = attachment(program, group);
  request.attach_flags = BPF_F_ALLOW_MULTI;
  return detail::status(detail::retry(SYS_bpf, BPF_PROG_ATTACH, &request, sizeof request), "bpf",
                        strings::cat("attach to ", path));
}

Status replace_device_program(int program, int old, int group, const std::string& path) {
  bpf_attr request = attachment(program, group);
  request.attach_flags = BPF_F_ALLOW_MULTI | BPF_F_REPLACE;
  request.replace_bpf_fd = static_cast<std::uint32_t>(old);
  const long replaced = detail::retry(SYS_bpf, BPF_PROG_ATTACH, &request, sizeof request);
  if (replaced != -EINVAL) return detail::status(replaced, "bpf", strings::cat("replace at ", path));
  TRY(attach_device_program(program, group, path));
  return detach_device_program(old, group, path);
}

Status detach_device_program(int program, int group, const std::string& path) {
  bpf_attr request = attachment(program, group);
  return detail::status(detail::retry(SYS_bpf, BPF_PROG_DETACH, &request, sizeof request), "bpf",
                        strings::cat("detach from ", path));
}

}  // namespace berth::sys
