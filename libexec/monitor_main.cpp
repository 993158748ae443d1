// Runs in: the monitor, the parent of one container's init.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <span>
#include <vector>

#include "child/blob.hpp"
#include "freestanding/program.hpp"
#include "monitor/monitor.hpp"
#include "runtime/status_protocol.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace {

using namespace berth;

constexpr int kExitUsage = 2;

// The descriptor as an owner, closed on exec; empty when the caller passed none under this number.
Fd inherited(int number) {
  if (sys::raw::call(SYS_fcntl, number, F_SETFD, FD_CLOEXEC) < 0) return {};
  return Fd(number);
}

std::span<std::byte> map_plan(const Fd& plan) {
  const auto status = sys::stat_fd(plan.get());
  if (!status || status->st_size <= 0) return {};
  const auto size = static_cast<std::size_t>(status->st_size);
  const long address = sys::raw::call(SYS_mmap, nullptr, size, PROT_READ, MAP_PRIVATE, plan.get(), 0);
  if (address < 0 && address > -4096) return {};
  return {reinterpret_cast<std::byte*>(address), size};
}

}  // namespace

int berth_program(int, char** arguments, char**) {
  sys::raw::call(SYS_prctl, PR_SET_NAME, arguments[0] == nullptr ? "lxc monitor" : arguments[0], 0, 0, 0);
  sys::fill_standard_descriptors(O_RDWR);
  Fd plan = inherited(runtime::kPlanFd);
  Fd status = inherited(runtime::kStatusFd);
  Fd terminal = inherited(runtime::kTerminalFd);
  std::vector<Fd> programs;
  for (unsigned slot = runtime::kFirstProgramSlot; slot < child::kSlots; ++slot) {
    programs.push_back(inherited(runtime::kFirstProgramFd + static_cast<int>(programs.size())));
    if (!programs.back()) break;
  }
  const std::span<std::byte> pages = map_plan(plan);
  const child::BlobView blob(pages.data(), pages.size());
  auto loop = monitor::Loop::open();
  if (!blob.valid() || !loop || sys::raw::call(SYS_chdir, "/") != 0) {
    constexpr std::string_view kUsage = "berth-monitor is started by lxc-start, with a plan on descriptor 3\n";
    sys::raw::call(SYS_write, 2, kUsage.data(), kUsage.size());
    return kExitUsage;
  }
  plan.reset();
  monitor::Monitor monitor(blob, std::move(*loop), std::move(status), std::move(terminal));
  monitor.set_plan_pages(pages);
  for (unsigned i = 0; i < programs.size(); ++i) {
    if (programs[i]) monitor.set_program(runtime::kFirstProgramSlot + i, std::move(programs[i]));
  }
  monitor.leave(monitor.run());
}
