// Runs in: tests.
#include "lab.hpp"
#include "loop_fs.hpp"

namespace berth::storage::lab {
namespace {

constexpr std::uint64_t kSize = 512ULL << 20;

class BtrfsLab final : public Lab {
 public:
  explicit BtrfsLab(std::unique_ptr<LoopFileSystem> files) : files_(std::move(files)) {}
  [[nodiscard]] const std::string& directory() const override { return files_->directory(); }

 private:
  std::unique_ptr<LoopFileSystem> files_;
};

}  // namespace

Row btrfs_row() {
  return {.name = "btrfs",
          .store = "btrfs",
          .unusable = [] { return loop_unusable("mkfs.btrfs"); },
          .make = []() -> Result<std::unique_ptr<Lab>> {
            return std::make_unique<BtrfsLab>(TRY(LoopFileSystem::make({"mkfs.btrfs", "-q"}, kSize)));
          }};
}

}  // namespace berth::storage::lab
