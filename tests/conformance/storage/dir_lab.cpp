// Runs in: tests.
#include "lab.hpp"
#include "storage/tree/remove_tree.hpp"

namespace berth::storage::lab {
namespace {

class DirLab final : public Lab {
 public:
  DirLab() : directory_(make_directory()) {}
  ~DirLab() override { static_cast<void>(remove_tree(directory_)); }
  [[nodiscard]] const std::string& directory() const override { return directory_; }

 private:
  std::string directory_;
};

}  // namespace

Row dir_row() {
  return {.name = "dir",
          .store = "dir",
          .unusable = [] { return std::string(); },
          .make = []() -> Result<std::unique_ptr<Lab>> { return std::make_unique<DirLab>(); }};
}

}  // namespace berth::storage::lab
