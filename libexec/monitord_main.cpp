// Runs in: berth-monitord, started by lxc-monitor: berth-monitord LXCPATH FD. Descriptor FD hears 'S' once clients may connect,
// and is closed without a word when there is another one already or a failure, which goes to standard error.
#include <fcntl.h>
#include <sys/prctl.h>

#include <cerrno>

#include "base/strings.hpp"
#include "freestanding/program.hpp"
#include "monitor/monitord.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace {

using namespace berth;

constexpr int kExitUsage = 2;

int complain(std::string_view text) {
  const std::string line = strings::cat("berth-monitord: ", text, '\n');
  sys::raw::call(SYS_write, 2, line.data(), line.size());
  return 1;
}

int serve(const std::string& lxcpath, Fd ready) {
  auto ends = monitor::open_monitord_ends(lxcpath);
  if (!ends) {
    const int code = ends.error().code();
    return code == EADDRINUSE || code == EAGAIN || code == EACCES ? 0 : complain(ends.error().line());
  }
  auto loop = monitor::Loop::open();
  if (!loop) return complain(loop.error().line());
  monitor::Monitord daemon(std::move(*loop), std::move(*ends));
  if (const Status watched = daemon.watch(); !watched) return complain(watched.error().line());
  // The starter's stderr is for what went wrong so far: kept, it would hold up whoever reads the starter's output to its end.
  sys::raw::call(SYS_dup3, 1, 2, 0);
  sys::raw::call(SYS_write, ready.get(), "S", 1);
  ready.reset();
  daemon.run();
  return 0;
}

}  // namespace

int berth_program(int count, char** arguments, char**) {
  sys::raw::call(SYS_prctl, PR_SET_NAME, "berth-monitord", 0, 0, 0);
  sys::fill_standard_descriptors(O_RDWR);
  const auto number = count == 3 ? strings::parse_number<int>(arguments[2]) : std::nullopt;
  if (!number || *number < 3 || arguments[1][0] != '/' || sys::raw::call(SYS_fcntl, *number, F_SETFD, FD_CLOEXEC) < 0) {
    complain("is started by lxc-monitor, with a lxcpath and a descriptor");
    return kExitUsage;
  }
  sys::raw::call(SYS_chdir, "/");
  return serve(arguments[1], Fd(*number));
}
