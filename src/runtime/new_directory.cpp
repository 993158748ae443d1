// Runs in: the commands that make containers.
#include "runtime/new_directory.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <utility>

#include "base/strings.hpp"
#include "runtime/destroy.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/root_journal.hpp"
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
  Status claimed = begin(existing);
  if (!claimed) static_cast<void>(undo());
  return claimed;
}

Status NewDirectory::begin(Existing existing) {
  const os::FileLock alone = TRY(lock_free(existing));
  TRY(make_lxcpath());
  if (is_end_of_destroy(directory_)) TRY(unmark_destroyed(container_));
  TRY_CONTEXT(make_directory(existing), "cannot make the container's directory");
  if (!made_directory_) TRY(forget_roots(directory_));  // of what is complete
  EarlierEntries earlier;
  if (!made_directory_) {
    earlier.emplace();
    for (auto& entry : TRY(sys::list_directory(directory_))) earlier->push_back(std::move(entry.name));
  }
  auto mark = begin_creation(directory_, earlier);
  if (!mark && mark.error().code() == EEXIST) return fail(is_being_created());
  mark_ = TRY_CONTEXT(std::move(mark), "cannot mark the creation as begun");
  earlier_ = std::move(earlier);
  return check_still_free(existing);
}

// Nobody else claims, destroys, renames or starts what has this name meanwhile.
Result<os::FileLock> NewDirectory::lock_free(Existing existing) {
  for (;;) {
    TRY(remove_killed());
    TRY(check_free(existing));  // what is there is told at once, without waiting for who holds it
    auto alone = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container_.lxcpath(), container_.name()))));
    if (TRY(creation_state(directory_)) == Creation::kCrashed) continue;
    TRY(check_free(existing));
    return alone;
  }
}

// LXC does not take the lock to create, and one directory may be known by several paths, each with a lock of its own: with the
// mark in place nobody begins any more, and who was quicker shows.
Status NewDirectory::check_still_free(Existing existing) {
  const auto is_mark = [](const auto& entry) { return entry.name == "partial" || entry.name.starts_with("partial."); };
  const auto is_filled = [&]() -> Result<bool> { return !std::ranges::all_of(TRY(sys::list_directory(directory_)), is_mark); };
  const bool taken = made_directory_ ? TRY(is_filled()) : existing != Existing::kDefinition && container_.defined();
  if (!taken) return {};
  made_directory_ = false;
  TRY(end_creation(directory_, std::move(mark_)));  // another's container is complete
  return fail(is_defined_already());
}

// A process that was killed before it could make its mark leaves an empty directory.
bool NewDirectory::is_left_over() const {
  const auto info = sys::stat_link(directory_);
  if (!info || !S_ISDIR(info->st_mode)) return false;
  const auto entries = sys::list_directory(directory_);
  return entries && entries->empty();
}

Status NewDirectory::make_directory(Existing existing) {
  auto made = sys::make_directory(directory_, kContainerMode);
  const bool is_there = !made && made.error().code() == EEXIST;
  made_directory_ = made || (is_there && existing == Existing::kNothing && is_left_over());
  if (made_directory_) return sys::chmod(directory_, kContainerMode);  // whatever the umask says
  return is_there && existing != Existing::kNothing ? Status{} : made;
}

Status NewDirectory::remove_killed() {
  if (TRY(creation_state(directory_)) != Creation::kCrashed) return {};
  return with_context(remove_crashed(container_, false), "cannot remove what an earlier creation that was killed left");
}

Error NewDirectory::is_defined_already() const {
  return Error::message("the container exists already", EEXIST)
      .because(container_.config_file() + " is there")
      .hint(strings::cat("choose another name, or remove it: lxc-destroy -P ", strings::shell_quote(container_.lxcpath()), " -n ",
                         container_.name()));
}

Error NewDirectory::is_being_created() const {
  return Error::message("another process is creating this container", EBUSY)
      .because(directory_ + "/partial is locked")
      .hint("wait for it, or choose another name");
}

Status NewDirectory::check_free(Existing existing) {
  if (TRY(creation_state(directory_)) == Creation::kOngoing) return fail(is_being_created());
  if (!container_.defined() || existing == Existing::kDefinition) return {};
  return fail(is_defined_already());
}

Status NewDirectory::complete() { return end_creation(directory_, std::move(mark_)); }

Status NewDirectory::undo() {
  if (made_directory_ && mark_) {
    TRY(remove_unfinished(directory_));
  } else if (made_directory_) {
    (void)sys::remove_directory(directory_);  // goes only when nobody else has begun in it
  } else if (mark_) {
    TRY(give_back_config(directory_, earlier_));
    TRY(sys::unlink(directory_ + "/partial"));
  }
  made_directory_ = false;
  mark_.reset();
  for (const auto& path : std::views::reverse(made_parents_))
    if (!sys::remove_directory(path)) break;  // somebody else uses it by now
  made_parents_.clear();
  return {};
}

}  // namespace berth::runtime
