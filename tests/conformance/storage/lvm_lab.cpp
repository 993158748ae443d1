// Runs in: tests.
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "lab.hpp"
#include "os/command.hpp"
#include "os/loop.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage::lab {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{320} << 20;  // bytes; XFS wants 300 MiB at least

// A volume group on a loop device, and a thin pool in it. LVM sees that device alone, keeps no backups of it, and starts no
// daemon. One for all tests of a process: it takes long to make.
class Group {
 public:
  static Result<const Group*> get() {
    static Group group;
    static const Status made = group.make();
    if (!made) return fail(made.error());
    return &group;
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Group() : directory_(make_directory()), name_("berth" + directory_.substr(directory_.rfind('-') + 1)) {}
  ~Group() {
    if (!device_.fd.valid()) return;
    static_cast<void>(run("vgremove", {"-f", "-f", "-y", name_}));
    device_.fd.reset();
    static_cast<void>(remove_tree(directory_));
  }
  Status make() {
    const std::string image = directory_ + "/disk";
    TRY(run("truncate", {"-s", "6G", image}));
    device_ = TRY(os::attach_loop_device(image, true));
    TRY(sys::replace_file(directory_ + "/lvm.conf", "devices { filter = [ \"a|^" + device_.path +
                                                        "$|\", \"r|.*|\" ]\n use_devicesfile = 0 }\n"
                                                        "activation { monitoring = 0 }\nbackup { backup = 0\n archive = 0 }\n"));
    ::setenv("LVM_SYSTEM_DIR", directory_.c_str(), 1);
    TRY(run("vgcreate", {"-y", name_, device_.path}));
    TRY(run("lvcreate", {"-y", "-L", "2G", "-T", name_ + "/lxc"}));
    return {};
  }

  std::string directory_, name_;
  os::LoopDevice device_{};
};

class LvmLab final : public Lab {
 public:
  LvmLab(const Group& group, std::string fstype, std::string pool)
      : group_(group), directory_(make_directory()), fstype_(std::move(fstype)), pool_(std::move(pool)) {}
  ~LvmLab() override { static_cast<void>(remove_tree(directory_)); }
  [[nodiscard]] const std::string& directory() const override { return directory_; }
  [[nodiscard]] Specs specs() const override {
    Specs specs{};
    specs.fstype = fstype_;
    specs.size = kSize;
    specs.volume_group = group_.name();
    specs.thin_pool = pool_;
    return specs;
  }

 private:
  const Group& group_;
  std::string directory_, fstype_, pool_;
};

Result<std::unique_ptr<Lab>> make_lab(const std::string& fstype, const std::string& pool) {
  return std::make_unique<LvmLab>(*TRY(Group::get()), fstype, pool);
}

std::string unusable() {
  if (::geteuid() != 0) return "root only: it mounts";
  if (!os::has_program("lvs")) return "no lvs (lvm2)";
  if (!os::has_program("thin_check")) return "no thin_check (thin-provisioning-tools)";
  if (!os::has_program("mkfs.xfs") || !os::has_program("mkfs.btrfs")) return "no mkfs.xfs or mkfs.btrfs";
  if (!sys::exists("/sys/module/dm_mod") && !run("modprobe", {"dm-mod"}))
    return "no device-mapper in this kernel (./test vm has it)";
  return sys::exists("/dev/mapper/control") ? "" : "no device-mapper in this kernel (./test vm has it)";
}

}  // namespace

Row lvm_thick_row() {
  return {.name = "lvm_thick", .store = "lvm", .unusable = unusable, .make = [] { return make_lab("ext4", "none"); }};
}

Row lvm_thin_row() {
  return {.name = "lvm_thin", .store = "lvm", .unusable = unusable, .make = [] { return make_lab("ext4", "lxc"); }};
}

}  // namespace berth::storage::lab
