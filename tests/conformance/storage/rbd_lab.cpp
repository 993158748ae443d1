// Runs in: tests.
// A pool of the Ceph cluster that tests/vm/rbd.bats runs: a cluster takes too long to make one for each test, and images need the
// kernel's module rbd, or nbd.
#include <cstdlib>

#include "lab.hpp"
#include "storage/tree/remove_tree.hpp"

namespace berth::storage::lab {
namespace {

constexpr char kPool[] = "BERTH_TEST_RBD_POOL";

class RbdLab final : public Lab {
 public:
  explicit RbdLab(std::string pool) : directory_(make_directory()), pool_(std::move(pool)) {}
  ~RbdLab() override { static_cast<void>(remove_tree(directory_)); }
  [[nodiscard]] const std::string& directory() const override { return directory_; }
  [[nodiscard]] Specs specs() const override { return {.size = 96 << 20, .rbd_pool = pool_}; }

 private:
  std::string directory_, pool_;
};

}  // namespace

Row rbd_row() {
  return {.name = "rbd",
          .store = "rbd",
          .unusable = [] { return std::string(std::getenv(kPool) == nullptr ? "no Ceph cluster (./test vm has one)" : ""); },
          .make = []() -> Result<std::unique_ptr<Lab>> { return std::make_unique<RbdLab>(std::getenv(kPool)); }};
}

}  // namespace berth::storage::lab
