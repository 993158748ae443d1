// Runs in: the commands that remove or rename a container.
#include "runtime/dependants.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/snapshot.hpp"
#include "sys/file.hpp"
#include "sys/replacement.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kDependants = "/lxc_snapshots", kSources = "/lxc_rdepends";

// Absent: empty.
Result<std::string> read_list(const std::string& path) {
  auto text = sys::read_file(path);
  if (!text && text.error().code() == ENOENT) return std::string{};
  return text;
}

std::string text_of(const std::vector<Dependence>& entries) {
  std::string text;
  for (const auto& [lxcpath, name] : entries) text += strings::cat(lxcpath, "\n", name, "\n");
  return text;
}

std::string directory_of(const Dependence& container) { return strings::cat(container.first, "/", container.second); }

// One directory has many spellings, and the lists are written by others as well.
std::string real_path(const std::string& directory) {
  const auto opened = sys::open(directory, O_PATH | O_DIRECTORY);
  if (!opened) return os::normalise(directory);
  return sys::read_link(strings::cat("/proc/self/fd/", opened->get())).value_or(os::normalise(directory));
}

bool holds(const std::vector<std::string>& places, const std::string& lxcpath) {
  if (std::ranges::find(places, lxcpath) != places.end()) return true;
  const std::string real = real_path(lxcpath);
  return std::ranges::any_of(places, [&](const std::string& place) { return real_path(place) == real; });
}

// Not the container's own lock: whoever makes a clone may hold that already.
Result<os::FileLock> lock_list(const Dependence& source) {
  return os::FileLock::acquire(TRY(os::ensure_container_lock_file(real_path(source.first), source.second + "~dependants")));
}

// The file is as others made it (LXC's has its own mode).
Status write_list(const std::string& path, const std::vector<Dependence>& entries) {
  const auto like = sys::kind_of(path);
  if (!like && like.error().code() != ENOENT) return fail(like.error());
  return like ? sys::replace_file_like(path, text_of(entries), *like) : sys::replace_file(path, text_of(entries));
}

Status add_dependant(const Dependence& source, const Dependence& clone) {
  const os::FileLock held = TRY(lock_list(source));
  TRY_CONTEXT(sys::stat_link(directory_of(source) + "/config"), "it has been destroyed");
  const std::string path = directory_of(source) + std::string(kDependants);
  const std::string text = TRY(read_list(path));
  auto entries = parse_dependences(text);
  if (std::ranges::any_of(entries, [&](const Dependence& one) { return same_place(one, clone); })) return {};
  entries.push_back(clone);
  return write_list(path, entries);
}

}  // namespace

std::vector<Dependence> parse_dependences(std::string_view text) {
  std::vector<Dependence> entries;
  const auto lines = strings::split_words(text, "\n");
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) entries.emplace_back(lines[i], lines[i + 1]);
  return entries;
}

bool same_place(const Dependence& one, const Dependence& other) {
  return one.second == other.second && (one.first == other.first || real_path(one.first) == real_path(other.first));
}

Result<std::vector<Dependence>> dependants_of(const Container& container) {
  return parse_dependences(TRY_CONTEXT(read_list(container.directory() + std::string(kDependants)),
                                       "cannot see whether clones depend on the container"));
}

namespace {

Result<std::vector<std::string>> unfinished_lists(const Container& container) {
  std::vector<std::string> found;
  for (const auto& [name, type] : TRY(sys::list_directory(container.directory()))) {
    if (!sys::is_replacement_of(name, kDependants.substr(1)) && !sys::is_replacement_of(name, kSources.substr(1))) continue;
    const std::string path = strings::cat(container.directory(), "/", name);
    const auto info = sys::stat_link(path);
    if (info && S_ISREG(info->st_mode)) found.push_back(path);
  }
  return found;
}

}  // namespace

// A copy that is at work holds the list's lock, not the container's.
Result<bool> has_unfinished_lists(const Container& container) {
  if (TRY(unfinished_lists(container)).empty()) return false;
  const os::FileLock nobody_writes = TRY(lock_dependants(container));
  return !TRY(unfinished_lists(container)).empty();
}

Status remove_unfinished_lists(const Container& container) {
  const os::FileLock nobody_writes = TRY(lock_dependants(container));
  for (const std::string& path : TRY(unfinished_lists(container))) TRY(sys::unlink(path));
  return {};
}

Result<os::FileLock> lock_dependants(const Container& container) { return lock_list({container.lxcpath(), container.name()}); }

// The oldest LXC wrote a number there, of clones that nobody knows.
Status check_dependants(const Container& container, std::string_view way_out) {
  const auto entries = TRY(other_dependants(container));
  std::string names;
  for (const auto& clone : entries) names += strings::cat(names.empty() ? "" : ", ", directory_of(clone));
  const std::string text = entries.empty() ? TRY(read_list(container.directory() + std::string(kDependants))) : "";
  const bool counted = text.find('/') == text.npos && !strings::trim(text).empty() && strings::trim(text) != "0";
  if (entries.empty() && !counted) return {};
  return fail(Error::message("clones depend on this container", EBUSY)
                  .because(counted ? strings::cat("lxc_snapshots says: ", strings::trim(text)) : names)
                  .hint(way_out));
}

Result<std::vector<Dependence>> other_dependants(const Container& container) {
  auto entries = TRY(dependants_of(container));
  const auto places = snapshot_directories(container);
  std::erase_if(entries, [&](const Dependence& one) { return holds(places, one.first); });
  return entries;
}

Result<std::vector<Dependence>> sources_of(const std::string& directory) {
  return parse_dependences(TRY(read_list(directory + std::string(kSources))));
}

bool is_own_snapshot(const Dependence& container, const Dependence& snapshot) {
  const auto owner = Container::open(container.second, container.first);
  if (!owner) return false;
  return holds(snapshot_directories(*owner), snapshot.first);
}

Status add_dependence(const std::string& clone_directory, const Dependence& clone, const std::vector<Dependence>& sources) {
  if (sources.empty()) return {};
  TRY_CONTEXT(write_list(clone_directory + std::string(kSources), sources), "cannot write down whom the copy depends on");
  for (const auto& source : sources)
    if (!is_own_snapshot(source, clone))
      TRY_CONTEXT(add_dependant(source, clone),
                  strings::cat("cannot tell ", directory_of(source), " that the copy depends on it"));
  return {};
}

namespace {

// With the list's lock. False: it is not in the list.
Result<bool> take_out(const Dependence& source, const Dependence& gone) {
  const std::string path = directory_of(source) + std::string(kDependants);
  const std::string text = TRY(read_list(path));
  auto entries = parse_dependences(text);
  if (std::erase_if(entries, [&](const Dependence& one) { return same_place(one, gone); }) == 0) return false;
  TRY(entries.empty() ? sys::unlink(path) : write_list(path, entries));
  return true;
}

bool has_list(const Dependence& source) { return sys::exists(directory_of(source) + std::string(kDependants)); }

}  // namespace

Status forget_dependant(const Dependence& source, const Dependence& gone) {
  if (!has_list(source)) return {};
  const os::FileLock held = TRY(lock_list(source));
  TRY(take_out(source, gone));
  return {};
}

Result<bool> forget_absent_dependant(const Dependence& source, const Dependence& absent) {
  if (!has_list(source)) return false;
  const os::FileLock held = TRY(lock_list(source));
  const auto there = sys::stat_link(directory_of(absent));
  if (there || there.error().code() != ENOENT) return false;
  return take_out(source, absent);
}

Status forget_sources(const std::string& clone_directory, const Dependence& clone) {
  const auto sources = TRY_CONTEXT(sources_of(clone_directory), "cannot see whose clone it is");
  for (const auto& source : sources)
    if (!same_place(source, clone))
      TRY_CONTEXT(forget_dependant(source, clone), "cannot tell the container that this one is a clone of");
  return {};
}

Status forget_sources(const Container& container) {
  return forget_sources(container.directory(), {container.lxcpath(), container.name()});
}

}  // namespace berth::runtime
