// Runs in: tests.
#include <unistd.h>

#include "lab.hpp"
#include "os/command.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage::lab {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{320} << 20;  // bytes

class NbdLab final : public Lab {
 public:
  explicit NbdLab(std::string suffix) : directory_(make_directory()), suffix_(std::move(suffix)) {}
  ~NbdLab() override { static_cast<void>(remove_tree(directory_)); }
  [[nodiscard]] const std::string& directory() const override { return directory_; }
  // Each time another file, where the suffix says the format.
  [[nodiscard]] Specs specs() const override {
    Specs specs{};
    specs.size = kSize;
    if (!suffix_.empty()) specs.directory = directory_ + "/image" + std::to_string(count_++) + suffix_;
    return specs;
  }

 private:
  std::string directory_, suffix_;
  mutable unsigned count_ = 0;
};

std::string unusable() {
  if (::geteuid() != 0) return "root only: it mounts";
  if (!os::has_program("qemu-nbd")) return "no qemu-nbd (qemu-utils)";
  if (!sys::exists("/sys/block/nbd0") && !run("modprobe", {"nbd"})) return "no nbd driver in this kernel (./test vm has it)";
  return sys::exists("/dev/nbd0") ? "" : "no nbd devices in /dev (./test vm has them)";
}

}  // namespace

Row nbd_qcow2_row() {
  return {.name = "nbd_qcow2", .store = "nbd", .unusable = unusable, .make = []() -> Result<std::unique_ptr<Lab>> {
            return std::make_unique<NbdLab>("");
          }};
}

Row nbd_raw_row() {
  return {.name = "nbd_raw", .store = "nbd", .unusable = unusable, .make = []() -> Result<std::unique_ptr<Lab>> {
            return std::make_unique<NbdLab>(".raw");
          }};
}

}  // namespace berth::storage::lab
