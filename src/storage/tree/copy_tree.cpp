// Runs in: host commands that copy a container.
#include "storage/tree/copy_tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/strings.hpp"
#include "storage/tree/copy_job.hpp"
#include "storage/tree/entry_copier.hpp"
#include "storage/tree/inode_flags.hpp"
#include "storage/tree/kernel_call.hpp"
#include "storage/tree/threads.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
constexpr int kFile = O_RDONLY | O_NONBLOCK | O_NOCTTY;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
constexpr mode_t kPrivateFile = 0600, kPrivateDirectory = 0700, kPermissions = 07777;

Progress& nobody() {
  static Progress progress;
  return progress;
}

// umask(2) tells it only by changing it, for all threads of the process. Where it is not told, all of it: every file then gets
// its permissions said.
mode_t current_umask() {
  constexpr std::string_view kKey = "\nUmask:";
  const auto status = sys::read_file("/proc/self/status");
  const std::size_t at = status ? status->find(kKey) : std::string::npos;
  if (at == std::string::npos) return kPermissions;
  const std::string_view rest = std::string_view(*status).substr(at + kKey.size());
  return strings::parse_number<mode_t>(strings::trim(rest.substr(0, rest.find('\n'))), 8).value_or(kPermissions);
}

Result<struct ::stat> about(int fd, std::string_view path) {
  struct ::stat info{};
  TRY(check(retried(SYS_fstat, fd, &info), "fstat", path));
  return info;
}

Result<Fd> open_quietly(const std::string& path, int flags, std::string_view shown) {
  long fd = retried(SYS_openat, AT_FDCWD, path.c_str(), flags | O_NOATIME | O_CLOEXEC);
  if (fd == -EPERM) fd = retried(SYS_openat, AT_FDCWD, path.c_str(), flags | O_CLOEXEC);
  TRY(check(fd, "open", shown));
  return Fd(static_cast<int>(fd));
}

// The files with several names have all of them now; the top is the last, as it lets people in.
Status finish(CopyJob& job) {
  for (const LateFlags& one : job.late) {
    const auto pin = TRY(job.directories.pin(*one.directory, nullptr));
    const std::string path = strings::cat(job.directories.path(*one.directory), "/", one.name);
    const long fd = retried(SYS_openat, pin.get()->to.get(), one.name.c_str(), kFile | O_NOFOLLOW | O_CLOEXEC);
    TRY(check(fd, "open", path));
    TRY(copy_inode_flags(Fd(static_cast<int>(fd)).get(), one.flags, path));
  }
  const Directory& top = job.directories.top();
  const std::string path = job.directories.path(top);
  TRY(job.attributes.copy(top.from.get(), top.to.get(), top.info, {}, path));
  return copy_inode_flags(top.to.get(), TRY(inode_flags(top.from.get(), path)), path);
}

Status copy(const std::string& source, const std::string& destination, const CopyOptions& options, bool fills) {
  const std::string& shown = options.shown.empty() ? source : options.shown;
  CopyJob job(shown, options.shift, options.progress == nullptr ? nobody() : *options.progress, fills);
  Fd from = TRY(open_quietly(source, kDirectory, shown));
  const auto info = TRY(about(from.get(), shown));
  if (!fills) TRY(check(retried(SYS_mkdirat, AT_FDCWD, destination.c_str(), kPrivateDirectory), "mkdir", destination));
  Fd to = TRY(sys::open(destination, fills ? kDirectory : kDirectory | O_NOFOLLOW));
  TRY(forget_inherited(to.get(), destination));
  const auto copy_info = TRY(about(to.get(), destination));
  Directory& top = job.directories.set_top(std::move(from), std::move(to), info);
  top.copy_info = copy_info;
  job.work.push({&top, true});
  run_in_threads(options.threads == 0 ? usual_threads() : options.threads, [&job] { EntryCopier(job).run(); });
  if (job.error) return fail(std::move(*job.error));
  return finish(job);
}

// A full disk is the usual reason.
Status with_hint(Status outcome) {
  if (outcome) return outcome;
  const int code = outcome.error().code();
  Error error = std::move(outcome.error()).context("cannot copy the root file system");
  if (code == ENOSPC || code == EDQUOT) error = std::move(error).hint("make room, or copy to another file system");
  return fail(std::move(error));
}

CopyOptions told_to(Progress& progress) {
  CopyOptions options;
  options.progress = &progress;
  return options;
}

}  // namespace

CopyJob::CopyJob(const std::string& shown, const IdShift& ids, Progress& progress, bool is_there)
    : shift(ids),
      fills(is_there),
      user(::geteuid()),
      group(::getegid()),
      umask(current_umask()),
      state(progress),
      attributes(ids),
      directories(shown),
      links(directories) {}

void CopyJob::fail_with(Error first) {
  {
    const std::scoped_lock lock(mutex_);
    if (!error) error = std::move(first);
    state.stopped = true;
  }
  work.stop();
}

void CopyJob::set_late(Directory& directory, const std::string& name, unsigned flags) {
  directories.keep(directory);
  const std::scoped_lock lock(mutex_);
  late.push_back({&directory, name, flags});
}

Status copy_tree(const std::string& source, const std::string& destination, const CopyOptions& options) {
  return with_hint(copy(source, destination, options, false));
}
Status copy_tree(const std::string& source, const std::string& destination, Progress& progress) {
  return copy_tree(source, destination, told_to(progress));
}

Status copy_contents(const std::string& source, const std::string& destination, const CopyOptions& options) {
  return with_hint(copy(source, destination, options, true));
}
Status copy_contents(const std::string& source, const std::string& destination, Progress& progress) {
  return copy_contents(source, destination, told_to(progress));
}

Status copy_file(const std::string& source, const std::string& destination) {
  const Fd from = TRY(open_quietly(source, kFile, source));
  const auto info = TRY(about(from.get(), source));
  if (!S_ISREG(info.st_mode)) return fail(Error::message(strings::cat(source, " is no regular file")));
  const Fd to = TRY(sys::open(destination, kNewFile, kPrivateFile));
  const unsigned flags = TRY(inode_flags(from.get(), source));
  if ((flags & FS_NOCOW_FL) != 0) forbid_copy_on_write(to.get());
  CopyState state(nobody());
  TRY(FileData(state).copy(from.get(), to.get(), info, source));
  const IdShift same;
  TRY(Attributes(same).copy(from.get(), to.get(), info, {}, source));
  return copy_inode_flags(to.get(), flags, source);
}

}  // namespace berth::storage
