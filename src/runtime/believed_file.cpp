// Runs in: the commands that make, copy, restore and remove containers.
#include "runtime/believed_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {

Result<Fd> open_believed(const std::string& path, std::string_view way_out) {
  Fd file = TRY(sys::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  const auto info = TRY(sys::stat_fd(file.get()));
  const bool own = info.st_uid == 0 || info.st_uid == sys::effective_uid();
  if (own && S_ISREG(info.st_mode) && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return file;
  return fail(Error::message("what a killed command left is not believed", EPERM)
                  .because(strings::cat(path, " can be written by others than you and root (owner: ", info.st_uid, ")"))
                  .hint(way_out));
}

}  // namespace berth::runtime
