// Runs in: the commands that make containers.
#include "runtime/new_directory.hpp"

#include <ranges>
#include <utility>

#include "base/strings.hpp"
#include "runtime/destroy.hpp"
#include "runtime/partial.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kContainerMode = 0770, kParentMode = 0755;

}  // namespace

// Remembers which of the directories up to LXCPATH it made.
Status NewDirectory::make_lxcpath() {
  std::vector<std::string> missing;
  for (std::string path = container_.lxcpath(); !path.empty() && !sys::exists(path); path.resize(path.rfind('/')))
    missing.push_back(path);
  for (const auto& path : std::views::reverse(missing)) {
    TRY_CONTEXT(sys::ensure_directory(path, kParentMode), "cannot make the directory for containers (lxcpath)");
    made_parents_.push_back(path);
  }
  return {};
}

Status NewDirectory::claim(Existing existing) {
  TRY(replace_crashed(existing));
  TRY(make_lxcpath());
  auto made = sys::make_directory(directory_, kContainerMode);
  if (made) {
    made_directory_ = true;
    TRY(sys::chmod(directory_, kContainerMode));  // whatever the umask says
  } else if (made.error().code() != EEXIST || existing == Existing::kNothing) {
    return with_context(std::move(made), "cannot make the container's directory");
  }
  auto mark = begin_creation(directory_);
  if (!mark) return with_context(Status(fail(mark.error())), "cannot mark the creation as begun");
  mark_ = std::move(*mark);
  if (container_.defined()) earlier_config_ = TRY(sys::read_file(container_.config_file()));
  return {};
}

Status NewDirectory::replace_crashed(Existing existing) {
  switch (TRY(creation_state(directory_))) {
    case Creation::kOngoing:
      return fail(Error::message("another process is creating this container", EBUSY)
                      .because(directory_ + "/partial is locked")
                      .hint("wait for it, or choose another name"));
    case Creation::kCrashed:
      TRY_CONTEXT(destroy(container_, {}), "cannot remove what an earlier creation that was killed left");
      return {};
    case Creation::kNone:
      break;
  }
  if (!container_.defined() || existing == Existing::kDefinition) return {};
  return fail(Error::message("the container exists already", EEXIST)
                  .because(container_.config_file() + " is there")
                  .hint(strings::cat("choose another name, or remove it: lxc-destroy -P ",
                                     strings::shell_quote(container_.lxcpath()), " -n ", container_.name())));
}

Status NewDirectory::complete() { return end_creation(directory_, std::move(mark_)); }

Status NewDirectory::take_back_config() {
  constexpr mode_t kConfigMode = 0640;
  if (earlier_config_) return sys::replace_file(container_.config_file(), *earlier_config_, kConfigMode);
  return container_.defined() ? sys::unlink(container_.config_file()) : Status{};
}

Status NewDirectory::undo() {
  if (made_directory_) {
    TRY(storage::remove_tree(directory_));
  } else if (mark_) {
    TRY(take_back_config());
    TRY(sys::unlink(directory_ + "/partial"));
  }
  for (const auto& path : std::views::reverse(made_parents_))
    if (!sys::remove_directory(path)) break;  // somebody else uses it by now
  return {};
}

}  // namespace berth::runtime
