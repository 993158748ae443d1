// Runs in: the commands that look whether a rename is half done, the start among them.
#include "runtime/rename.hpp"
#include "sys/file.hpp"

namespace berth::runtime {

std::string rename_mark_of(const Container& container) { return container.directory() + "/renamed-to"; }
std::string renamed_config_of(const Container& container) { return container.directory() + "/config.renamed"; }
std::string renamed_from_of(const Container& container) { return container.directory() + "/renamed-from"; }

bool rename_is_incomplete(const Container& container) {
  const auto name = sys::read_link(rename_mark_of(container));
  return name && *name == container.name();
}

}  // namespace berth::runtime
