// Runs in: tests.
#include <unistd.h>

#include "lab.hpp"
#include "storage/tree/remove_tree.hpp"

namespace berth::storage::lab {
namespace {

class OverlayLab final : public Lab {
 public:
  OverlayLab() : directory_(make_directory()) {}
  ~OverlayLab() override { static_cast<void>(remove_tree(directory_)); }
  [[nodiscard]] const std::string& directory() const override { return directory_; }
  // The kernel keeps them in the upper layer only, and a view that reads has none.
  [[nodiscard]] std::vector<std::string> manifest_options() const override { return {"--ignore-flags"}; }

 private:
  std::string directory_;
};

std::string unusable() {
  if (::geteuid() != 0) return "mounting takes root";
  const OverlayLab lab;
  const auto placed = (*find_store("overlay"))->place({lab.directory(), "c"}, {});
  return placed ? "" : placed.error().line();
}

}  // namespace

Row overlay_row() {
  return {.name = "overlay", .store = "overlay", .unusable = unusable, .make = []() -> Result<std::unique_ptr<Lab>> {
            return std::make_unique<OverlayLab>();
          }};
}

}  // namespace berth::storage::lab
