// Runs in: tests.
#include <unistd.h>

#include "lab.hpp"
#include "loop_fs.hpp"
#include "os/command.hpp"
#include "sys/file.hpp"

namespace berth::storage::lab {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{320} << 20;  // bytes; XFS wants 300 MiB at least

// The directory is on a file system that can share blocks: an XFS of its own. It is mounted where everybody sees it: in a tree
// that is mounted at no place, a root mounted below its own image would keep both alive when the test is killed, out of all
// reach.
class LoopLab final : public Lab {
 public:
  LoopLab(std::unique_ptr<LoopFileSystem> host, std::string fstype) : host_(std::move(host)), fstype_(std::move(fstype)) {}
  [[nodiscard]] const std::string& directory() const override { return host_->directory(); }
  [[nodiscard]] Specs specs() const override { return {.fstype = fstype_, .size = kSize}; }

 private:
  std::unique_ptr<LoopFileSystem> host_;
  std::string fstype_;
};

Result<std::unique_ptr<Lab>> make_lab(const std::string& fstype) {
  return std::make_unique<LoopLab>(TRY(LoopFileSystem::make({"mkfs.xfs", "-q", "-m", "reflink=1"}, std::uint64_t{4} << 30)),
                                   fstype);
}

std::string missing(std::initializer_list<std::string> programs) {
  if (::geteuid() != 0) return "root only: it mounts";
  if (!sys::exists("/dev/loop-control")) return "no loop driver in this kernel";
  for (const std::string& program : programs)
    if (!os::has_program(program)) return "no " + program;
  return "";
}

}  // namespace

Row loop_ext4_row() {
  return {.name = "loop_ext4",
          .store = "loop",
          .unusable = [] { return missing({"mkfs.xfs", "mkfs.ext4"}); },
          .make = [] { return make_lab("ext4"); }};
}

Row loop_xfs_row() {
  return {.name = "loop_xfs",
          .store = "loop",
          .unusable = [] { return missing({"mkfs.xfs"}); },
          .make = [] { return make_lab("xfs"); }};
}

Row loop_btrfs_row() {
  return {.name = "loop_btrfs",
          .store = "loop",
          .unusable = [] { return missing({"mkfs.xfs", "mkfs.btrfs"}); },
          .make = [] { return make_lab("btrfs"); }};
}

}  // namespace berth::storage::lab
