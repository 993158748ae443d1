// Runs in: tests.
// A pool in a file, of Debian's zfs-fuse. Its socket, lock and list of pools have fixed places: the test's process gets a mount
// namespace in which those are its own, so that any number of tests run at a time and none can touch a pool of the host.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lab.hpp"
#include "os/command.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage::lab {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kDaemon[] = "/usr/sbin/zfs-fuse";
constexpr char kSocket[] = "/run/zfs/zfs_socket";
constexpr std::uintmax_t kPoolSize = 256U << 20;
constexpr auto kStartTime = std::chrono::seconds(20);

class ZfsLab final : public Lab {
 public:
  ZfsLab() : directory_(make_directory()) {}
  ~ZfsLab() override { end(); }
  [[nodiscard]] const std::string& directory() const override { return directory_; }
  [[nodiscard]] std::string no_odd_tree() const override {
    return "zfs-fuse has a dataset busy for seconds after thousands of files";
  }
  [[nodiscard]] Specs specs() const override { return {.zfs_root = "tank/lxc"}; }

  Status begin() {
    TRY(enter_namespace());
    TRY(start_daemon());
    std::ofstream(directory_ + "/disk").close();
    std::filesystem::resize_file(directory_ + "/disk", kPoolSize);
    TRY(run("zpool", {"create", "-m", "none", "tank", directory_ + "/disk"}));
    return {};
  }

 private:
  Status enter_namespace() {
    outside_ = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    const auto failed = [](const char* what) { return fail(Error::from_errno(errno, what)); };
    if (::unshare(CLONE_NEWNS) != 0) return failed("unshare");
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("mount");
    if (::mount("run", "/run", "tmpfs", 0, nullptr) != 0) return failed("mount");
    if (::mount("zfs", "/var/lib/zfs", "tmpfs", 0, nullptr) != 0) return failed("mount");
    return sys::make_directory("/run/lock", 0755);
  }

  Status start_daemon() {
    daemon_ = ::fork();
    if (daemon_ < 0) return fail(Error::from_errno(errno, "fork"));
    if (daemon_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int nothing = ::open("/dev/null", O_RDWR);
      for (const int fd : {0, 1, 2}) ::dup2(nothing, fd);
      ::execl(kDaemon, kDaemon, "--no-daemon", "--no-kstat-mount", nullptr);
      ::_exit(127);
    }
    for (const auto end = steady_clock::now() + kStartTime; steady_clock::now() < end;) {
      if (sys::exists(kSocket)) return {};
      if (::waitpid(daemon_, nullptr, WNOHANG) == daemon_) {
        daemon_ = -1;
        return fail("zfs-fuse ended at once");
      }
      std::this_thread::sleep_for(milliseconds(2));
    }
    return fail("zfs-fuse makes no socket");
  }

  void end() {
    if (daemon_ > 0) {
      static_cast<void>(run("zpool", {"destroy", "tank"}));
      ::kill(daemon_, SIGKILL);  // a SIGTERM takes it four seconds; it has no pool any more
      ::waitpid(daemon_, nullptr, 0);
    }
    if (outside_.valid()) static_cast<void>(::setns(outside_.get(), CLONE_NEWNS));
    static_cast<void>(remove_tree(directory_));
  }

  std::string directory_;
  Fd outside_;
  pid_t daemon_ = -1;
};

std::string unusable() {
  if (::geteuid() != 0) return "needs root";
  if (!sys::exists(kDaemon)) return "zfs-fuse is not installed";
  if (!sys::exists("/dev/fuse")) return "this kernel has no FUSE";
  return {};
}

}  // namespace

Row zfs_row() {
  return {.name = "zfs", .store = "zfs", .unusable = unusable, .make = []() -> Result<std::unique_ptr<Lab>> {
            auto lab = std::make_unique<ZfsLab>();
            TRY(lab->begin());
            return lab;
          }};
}

}  // namespace berth::storage::lab
