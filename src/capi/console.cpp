// Runs in: a program that links liblxc.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "runtime/console_session.hpp"

namespace berth::capi {
namespace {

// LXC's name for the first terminal: its monitors keep it apart from the numbered ones.
int console_getfd(lxc_container* c, int* ttynum, int* ptxfd) {
  return guarded_errno(c, -1, [&](Handle& handle) -> Result<int> {
    if (ttynum == nullptr || ptxfd == nullptr) return fail("console_getfd needs a place for both of its answers");
    auto tty = TRY(TRY(handle.container()).client().tty(*ttynum));
    *ttynum = tty.number;
    *ptxfd = tty.master.release();
    return tty.lease.release();
  });
}

int console(lxc_container* c, int ttynum, int stdinfd, int stdoutfd, int stderrfd, int escape) {
  return guarded_errno(c, -1, [&](Handle& handle) -> Result<int> {
    if (escape < 0 || escape > 26) return fail(strings::cat("the escape is 1 for Ctrl-a to 26 for Ctrl-z, not ", escape));
    const auto tty = TRY(TRY(handle.container()).client().tty(ttynum));
    TRY(runtime::run_console(tty.master.get(), static_cast<char>(escape), {stdinfd, stdoutfd, stderrfd}));
    return 0;
  });
}

void give_log(lxc_console_log& log, std::string_view text) {
  log.data = nullptr;
  if (log.read_max != nullptr) *log.read_max = text.size();
  if (text.empty()) return;
  log.data = static_cast<char*>(std::malloc(text.size()));
  if (log.data == nullptr) throw std::bad_alloc();
  std::memcpy(log.data, text.data(), text.size());
}

int console_log(lxc_container* c, lxc_console_log* log) {
  return guarded_errno(c, -EINVAL, [&](Handle& handle) -> Result<int> {
    if (log == nullptr) return fail("console_log needs to be told what to do");
    const std::uint64_t most = log->read_max != nullptr ? *log->read_max : 0;
    const std::string text = TRY(TRY(handle.container()).client().console_log(log->read, log->clear, false, most));
    if (log->read) give_log(*log, text);
    return 0;
  });
}

}  // namespace

void fill_console_members(lxc_container& face) {
  face.console_getfd = console_getfd;
  face.console = console;
  face.console_log = console_log;
}

}  // namespace berth::capi
