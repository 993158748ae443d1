// Runs in: the commands that copy or rename a container, and those that find a rename half done.
#include "runtime/host_name_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::runtime {

namespace {

// None: there is no file that holds the name (a device, a fifo without a reader, a link to nowhere).
Result<Fd> open_hostname(const std::string& root) {
  const Fd top = TRY(sys::open(root, O_PATH | O_DIRECTORY));
  auto file = os::open_below(top.get(), "etc/hostname", O_WRONLY | O_NONBLOCK | O_NOCTTY);
  if (!file && file.error().code() != ENOENT && file.error().code() != ELOOP && file.error().code() != ENXIO &&
      file.error().code() != ENOTDIR && file.error().code() != EISDIR)
    return fail(std::move(file.error()));
  if (!file || !S_ISREG(TRY(sys::stat_fd(file->get())).st_mode)) return Fd();
  return std::move(*file);
}

}  // namespace

Status check_hostname(const std::string& root) {
  TRY_CONTEXT(open_hostname(root), "the file with the host name can't be written");
  return {};
}

Status write_hostname(const std::string& root, const std::string& name, sys::Durable durable) {
  const Fd file = TRY_CONTEXT(open_hostname(root), "cannot write the host name");
  if (!file) return {};
  TRY(sys::truncate(file.get(), root + "/etc/hostname"));
  TRY(sys::write_all(file.get(), name + "\n", root + "/etc/hostname"));
  return durable == sys::Durable::kNow ? sys::sync_file(file.get(), root + "/etc/hostname") : Status{};
}

}  // namespace berth::runtime
