// Runs in: the commands that find a rename or a restore half done, the start among them.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <vector>

#include "base/strings.hpp"
#include "os/lock.hpp"
#include "os/paths.hpp"
#include "runtime/dependants.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/rename.hpp"
#include "runtime/restore_in_place.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"
#include "sys/replacement.hpp"

namespace berth::runtime {
namespace {

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

// The mark first: what is left then is nothing that anybody would carry out.
Result<std::vector<std::string>> preparation_of(const Container& container) {
  std::vector<std::string> found;
  const std::array files{rename_mark_of(container), renamed_from_of(container), renamed_config_of(container)};
  for (const std::string& path : files)
    if (sys::stat_link(path)) found.push_back(path);
  for (const auto& [name, type] : TRY(sys::list_directory(container.directory()))) {
    const bool ours = std::ranges::any_of(std::span(files).subspan(1), [&](const std::string& path) {
      return sys::is_replacement_of(name, os::last_component(path));
    });
    const std::string path = strings::cat(container.directory(), "/", name);
    if (!ours) continue;
    const auto info = sys::stat_link(path);
    if (info && S_ISREG(info->st_mode)) found.push_back(path);
  }
  return found;
}

// What `renamed-from` says.
struct Earlier {
  std::string name, old_root, new_root;  // the roots as TYPE:PATH; empty: it keeps its name
};

Result<std::optional<Earlier>> earlier_of(const Container& container) {
  const auto text = sys::read_file(renamed_from_of(container));
  if (!text && text.error().code() == ENOENT) return std::nullopt;
  if (!text) return fail(text.error());
  const auto lines = strings::split_words(*text, "\n");
  if (lines.size() != 1 && lines.size() != 3)
    return fail(
        Error::message("what a killed rename left can't be understood").because(renamed_from_of(container) + " is damaged"));
  Earlier earlier{std::string(lines[0]), {}, {}};
  if (lines.size() == 3) earlier.old_root = lines[1], earlier.new_root = lines[2];
  return earlier;
}

Status rename_root(const Container& container, const Earlier& earlier) {
  if (earlier.new_root.empty()) return {};
  const std::size_t colon = earlier.old_root.find(':');
  if (colon == std::string::npos || !earlier.new_root.starts_with(earlier.old_root.substr(0, colon + 1)))
    return fail(Error::message("what a killed rename left names no root file system").because(earlier.old_root));
  const auto* store = TRY(storage::find_store(earlier.old_root.substr(0, colon)));
  const std::string from = earlier.old_root.substr(colon + 1), to = earlier.new_root.substr(colon + 1);
  if (!TRY(store->exists(from)) && TRY(store->exists(to))) return {};  // that was done before
  TRY(sync_directories({container.directory(), container.lxcpath()}));
  return with_context(store->rename(from, to), "cannot give the root file system its new name");
}

// The lists of those whose storage it needs know it by its name.
Status rename_dependence(const Container& container, const std::string& old_name) {
  const auto sources = TRY(sources_of(container.directory()));
  TRY(add_dependence(container.directory(), {container.lxcpath(), container.name()}, sources));
  for (const auto& source : sources) TRY(forget_dependant(source, {container.lxcpath(), old_name}));
  return {};
}

Status rename_inside(const Container& container) {
  const config::Conf conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return {};
  const auto store = storage::store_of(conf.rootfs.type, conf.rootfs.path);
  if (!store) return {};  // it is somewhere else, or not there: so is its host name
  TRY((*store)->moved(conf.rootfs.path, {container.directory(), container.name()}));
  storage::View view =
      TRY(storage::View::open(TRY((*store)->attach(conf.rootfs.path, storage::Access::kWrite)), storage::Access::kWrite));
  // rename() made sure that it can be written. Where that has changed since then, or the root is full, the old name stays inside,
  // and no start waits for it.
  const auto written = write_hostname(view.directory(), container.name());
  constexpr auto kRefusals = std::to_array({EPERM, EACCES, EROFS, EDQUOT, ENOSPC});
  const bool refused = !written && std::ranges::find(kRefusals, written.error().code()) != kRefusals.end();
  if (!refused) TRY(written);
  return view.close();
}

}  // namespace

// The configuration after the root that it names, then what is inside of the root, the mark last: each may be done again.
Status complete_rename(const Container& container) {
  if (!rename_is_incomplete(container)) return {};
  TRY(finish_restore(container));
  const auto earlier = TRY(earlier_of(container));
  if (earlier) TRY(rename_root(container, *earlier));
  TRY(forgive_absence(sys::rename(renamed_config_of(container), container.directory() + "/config")));
  if (earlier) {
    TRY(rename_inside(container));
    TRY(rename_dependence(container, earlier->name));
    TRY(forgive_absence(sys::unlink(renamed_from_of(container))));
  }
  return forgive_absence(sys::unlink(rename_mark_of(container)));
}

Status sync_directories(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const Fd directory = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    TRY(sys::sync_file(directory.get(), path));
  }
  return {};
}

Status remove_preparation(const Container& container) {
  for (const std::string& path : TRY(preparation_of(container))) TRY(forgive_absence(sys::unlink(path)));
  return {};
}

Result<bool> has_preparation(const Container& container) { return !TRY(preparation_of(container)).empty(); }

Status complete_rename_alone(const Container& container) {
  if (!rename_is_incomplete(container)) return {};
  const auto held = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  return complete_rename(container);
}

}  // namespace berth::runtime
