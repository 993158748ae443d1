// Runs in: the process inside a container in which a caller's function asks for a shell.
#include "capi/shell.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "child/attach_shell.hpp"

namespace berth::capi {

// Reads the file itself: the name services of the host's C library must not be asked in the container.
void exec_own_shell() {
  child::Text<child::kShellMax> shell;
  const int file = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file >= 0 && child::find_shell(file, ::getuid(), shell)) ::execl(shell.c_str(), shell.c_str(), nullptr);
  ::execl("/bin/sh", "/bin/sh", nullptr);
}

}  // namespace berth::capi
