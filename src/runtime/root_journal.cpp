// Runs in: the commands that make, copy, restore and remove containers.
#include "runtime/root_journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/sha256.hpp"
#include "base/strings.hpp"
#include "os/lock.hpp"
#include "os/paths.hpp"
#include "runtime/believed_file.hpp"
#include "runtime/root_directories.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kClaimsMode = 0700;

std::string journal_of(const std::string& directory) { return strings::cat(directory, "/", kRootJournal); }
std::string value_of(const RecordedRoot& root) { return strings::cat(root.type, ":", root.path); }

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

Status sync_directory(const std::string& path) {
  const Fd directory = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  return sys::sync_file(directory.get(), path);
}

Error damaged(const std::string& path, std::string_view line) {
  return Error::message("what a killed command left can't be told", EINVAL)
      .because(strings::cat(path, " holds a line that names no root: ", line))
      .hint("look at the storage that it may mean, then remove that file");
}

Result<std::vector<RecordedRoot>> parse(const std::string& text, const std::string& path) {
  std::vector<RecordedRoot> roots;
  for (const std::string_view line : strings::split_words(text, "\n")) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos || colon == 0 || colon + 1 == line.size()) return fail(damaged(path, line));
    roots.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
  }
  return roots;
}

bool is_inside(const std::string& directory, const RecordedRoot& root) {
  return os::is_below(root_directories(root.path).back(), os::normalise(directory));
}

bool needs_claim(const std::string& directory, const RecordedRoot& root) {
  return sys::effective_uid() == 0 && !is_inside(directory, root);
}

// After a loss of power roots inside of `directory` are found with or without it, and go with the directory.
Status write_journal(const std::string& directory, const std::vector<RecordedRoot>& roots) {
  std::string text;
  for (const RecordedRoot& root : roots) text += value_of(root) + "\n";
  const bool all_inside = std::ranges::all_of(roots, [&](const auto& root) { return is_inside(directory, root); });
  if (all_inside) return sys::replace_file(journal_of(directory), text, sys::kDefaultFileMode, sys::Durable::kLater);
  TRY(sys::replace_file(journal_of(directory), text));
  return sync_directory(directory);
}

// --- claims of places that several containers could want -----------------------------------------------------------------------
std::string claims_directory() { return "/var/lib/berth/roots"; }
std::string claim_of(const RecordedRoot& root) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name;
  for (const std::uint8_t byte : sha256(value_of(root))) name.append({kDigits[byte >> 4], kDigits[byte & 15]});
  return strings::cat(claims_directory(), "/", name);
}

Result<os::FileLock> lock_claims() {
  TRY(sys::ensure_directory(claims_directory(), kClaimsMode));
  return os::FileLock::acquire(claims_directory() + "/.lock");
}

// A claim counts as long as its directory remembers the root.
Status check_unclaimed(const std::string& directory, const RecordedRoot& root) {
  const auto holder = sys::read_file(claim_of(root));
  if (!holder) return forgive_absence(fail(holder.error()));
  if (*holder == directory || !sys::exists(journal_of(*holder))) return {};
  const auto theirs = TRY(recorded_roots(*holder));
  if (std::ranges::find(theirs, root) == theirs.end()) return {};
  return fail(Error::message(strings::cat("the place ", value_of(root), " is taken by something that was begun before"), EBUSY)
                  .because(strings::cat(*holder, " has it"))
                  .hint("if that was killed, remove what it left (lxc-destroy, berth doctor), then repeat"));
}

Status drop_claims(const std::string& directory, const std::vector<RecordedRoot>& roots) {
  if (std::ranges::none_of(roots, [&](const auto& root) { return needs_claim(directory, root); })) return {};
  const os::FileLock held = TRY(lock_claims());
  for (const RecordedRoot& root : roots) {
    const auto holder = sys::read_file(claim_of(root));
    if (holder && *holder == directory) TRY(forgive_absence(sys::unlink(claim_of(root))));
  }
  return {};
}

Status check_free(const storage::BackingStore& store, const RecordedRoot& root) {
  if (!TRY(store.exists(root.path))) return {};
  return fail(Error::message(strings::cat("there is something at ", value_of(root), " already"), EEXIST)
                  .hint("it is nobody's that this command knows: remove it by its own tools, or choose another name"));
}

Status add(const std::string& directory, const RecordedRoot& root) {
  auto roots = TRY(recorded_roots(directory));
  if (std::ranges::find(roots, root) != roots.end()) return {};
  roots.push_back(root);
  return write_journal(directory, roots);
}

// Root removes nothing that somebody else can have written into the list.
Status check_writer(const std::string& directory) {
  const auto file = open_believed(journal_of(directory),
                                  "do it as that user; or remove by hand what it names and is not needed, then that file");
  if (file || file.error().code() == ENOENT || file.error().code() == ENOTDIR) return {};
  return fail(file.error());
}

bool is_same_directory(const std::string& a, const std::string& b) {
  if (os::normalise(a) == os::normalise(b)) return true;
  const auto first = sys::stat(a), second = sys::stat(b);
  return first && second && first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

// A place in a pool is removed by who has claimed it. Without a claim it was removed before, or is somebody else's.
Status check_claimed(const std::string& directory, const storage::BackingStore& store, const RecordedRoot& root) {
  if (!needs_claim(directory, root)) return {};
  const auto holder = sys::read_file(claim_of(root));
  if (holder && is_same_directory(*holder, directory)) return {};
  if (!holder && holder.error().code() != ENOENT) return fail(holder.error());
  if (!TRY(store.exists(root.path))) return {};
  return fail(Error::message(strings::cat(value_of(root), " is not removed: it may be somebody else's"), EPERM)
                  .because(strings::cat(journal_of(directory), " names it, but it was claimed by ", holder ? *holder : "nobody"))
                  .hint(strings::cat("remove it by its own tools if it is not needed, then ", journal_of(directory))));
}

Status record(const std::string& directory, const storage::BackingStore& store, const RecordedRoot& root) {
  if (!needs_claim(directory, root)) {
    TRY(check_free(store, root));
    return add(directory, root);
  }
  const os::FileLock held = TRY(lock_claims());
  TRY(check_unclaimed(directory, root));
  TRY(check_free(store, root));
  TRY(sys::replace_file(claim_of(root), directory));
  TRY(sync_directory(claims_directory()));
  auto added = add(directory, root);
  if (!added) static_cast<void>(sys::unlink(claim_of(root)));
  return added;
}

}  // namespace

Status record_root(const std::string& directory, const storage::BackingStore& store, const std::string& path) {
  return with_context(record(directory, store, {std::string(store.traits().name), path}),
                      "cannot take the place for the root file system");
}

Result<std::vector<RecordedRoot>> recorded_roots(const std::string& directory) {
  const std::string path = journal_of(directory);
  const auto text = sys::read_file(path);
  if (!text && (text.error().code() == ENOENT || text.error().code() == ENOTDIR)) return std::vector<RecordedRoot>{};
  if (!text) return fail(text.error());
  return parse(*text, path);
}

// The claims first: without the journal nobody would find them, and without them the journal says enough.
Status forget_roots(const std::string& directory) {
  const auto roots = TRY(recorded_roots(directory));
  TRY(drop_claims(directory, roots));
  return forgive_absence(sys::unlink(journal_of(directory)));
}

Status forget_if_taken(const std::string& directory, const storage::BackingStore& store, const std::string& path, Status made) {
  if (made || made.error().code() != EEXIST) return made;
  const RecordedRoot root{std::string(store.traits().name), path};
  auto roots = TRY(recorded_roots(directory));
  TRY(drop_claims(directory, {root}));
  std::erase(roots, root);
  TRY(write_journal(directory, roots));
  return made;
}

Status forget_undone_roots(const std::string& directory) {
  for (const RecordedRoot& root : TRY(recorded_roots(directory))) {
    const auto* store = TRY(storage::find_store(root.type));
    if (TRY_CONTEXT(store->exists(root.path), strings::cat("is there anything left of ", value_of(root))))
      return fail(Error::message(strings::cat("there is something at ", value_of(root)), EBUSY));
  }
  return forget_roots(directory);
}

Error with_way_out(Error error, const Container& container, const Error& left) {
  const std::string before = error.hint().empty() ? "" : strings::cat(error.hint(), "; ");
  return std::move(error).hint(strings::cat(before, left.line(), ": lxc-destroy -P ", strings::shell_quote(container.lxcpath()),
                                            " -n ", container.name(), " removes it with all that is left"));
}

Status destroy_recorded_roots(const std::string& directory) {
  TRY(check_writer(directory));
  for (const RecordedRoot& root : TRY(recorded_roots(directory))) {
    const auto* store = TRY(storage::find_store(root.type));
    TRY(check_claimed(directory, *store, root));
    TRY_CONTEXT(store->destroy(root.path), strings::cat("cannot remove ", value_of(root), ", which was left half made"));
  }
  return forget_roots(directory);
}

// A claim is written before the journal, under the lock.
Result<std::vector<std::string>> idle_claims() {
  std::vector<std::string> idle;
  if (sys::effective_uid() != 0 || !sys::exists(claims_directory())) return idle;
  const os::FileLock held = TRY(lock_claims());
  for (const auto& [name, type] : TRY(sys::list_directory(claims_directory()))) {
    const std::string claim = strings::cat(claims_directory(), "/", name);
    if (name.starts_with('.')) continue;
    if (const auto holder = sys::read_file(claim); holder && !sys::exists(journal_of(*holder))) idle.push_back(claim);
  }
  return idle;
}

Status drop_idle_claim(const std::string& claim) {
  const os::FileLock held = TRY(lock_claims());
  const std::string holder = TRY(sys::read_file(claim));
  return sys::exists(journal_of(holder)) ? Status{} : sys::unlink(claim);
}

}  // namespace berth::runtime
