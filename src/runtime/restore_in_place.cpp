// Runs in: the command that restores a snapshot.
#include "runtime/restore_in_place.hpp"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "base/strings.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/dependants.hpp"
#include "runtime/hold.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kRoot = "rootfs";
constexpr mode_t kDirectoryMode = 0755;

Status check_root_can_change(const Container& container) {
  if (!container.defined()) return {};
  const config::Conf conf = TRY(container.load());
  const std::string place = strings::cat(container.directory(), "/", kRoot);
  if (conf.rootfs.path.empty() || conf.rootfs.path == place) return {};
  return fail(Error::message("the container's root file system is not where a restored one would be", EOPNOTSUPP)
                  .because(strings::cat(conf.rootfs.path, ", not ", place))
                  .hint("restore under a new name (--newname)")
                  .set_by(conf.origin("lxc.rootfs.path")));
}

// In the staging directory while things change places. Left behind only where that ended half-way: then what lies beside it is
// not a copy any more but parts of the old container, and not to be removed.
std::string exchange_mark(const std::string& staging) { return staging + "/exchanging"; }

Status check_nothing_old(const std::string& staging) {
  if (!sys::exists(exchange_mark(staging))) return {};
  return fail(Error::message("an earlier restore ended half-way, and what it had replaced by then is kept", EBUSY)
                  .because(exchange_mark(staging) + " is there")
                  .hint(strings::cat("take what you need out of ", staging, ", remove it, then restore again")));
}

// Puts the parts of the copy into the container, and the old ones into the copy's places; can take all of it back.
class Exchange {
 public:
  // The configuration last: until then a start gets the old one, which names the same root.
  Status run(const std::string& copy, const std::string& directory) {
    for (const auto& [name, type] : TRY(sys::list_directory(copy))) {
      const std::string from = strings::cat(copy, "/", name), to = strings::cat(directory, "/", name);
      if (name == "config") continue;
      const bool files = name != kRoot && S_ISDIR(TRY(sys::stat_link(from)).st_mode);
      TRY(files ? put_files(from, to) : put(from, to));
    }
    return put(copy + "/config", directory + "/config");
  }

  Status take_back() {
    for (; !done_.empty(); done_.pop_back()) {
      const auto& [from, to, exchanged] = done_.back();
      TRY(exchanged ? sys::exchange(from, to) : sys::rename(to, from));
    }
    return {};
  }

 private:
  struct Step {
    std::string from, to;
    bool exchanged;
  };

  Status put(const std::string& from, const std::string& to) {
    const bool exchanged = sys::stat_link(to).has_value();
    TRY(exchanged ? sys::exchange(from, to) : sys::rename(from, to));
    done_.push_back({from, to, exchanged});
    return {};
  }

  // A directory of hooks may hold more in the container than in the snapshot.
  Status put_files(const std::string& from, const std::string& to) {
    TRY(sys::ensure_directory(to, kDirectoryMode));
    for (const auto& [name, type] : TRY(sys::list_directory(from))) {
      const std::string old_path = strings::cat(from, "/", name), new_path = strings::cat(to, "/", name);
      TRY(S_ISDIR(TRY(sys::stat_link(old_path)).st_mode) ? put_files(old_path, new_path) : put(old_path, new_path));
    }
    return {};
  }

  std::vector<Step> done_;
};

Status change_places(const std::string& copy, const std::string& staging, const std::string& directory) {
  TRY(sys::replace_file(exchange_mark(staging), ""));
  Exchange exchange;
  Status outcome = exchange.run(copy, directory);
  if (!outcome) {
    if (const auto back = exchange.take_back(); !back)
      return fail(std::move(outcome.error())
                      .hint(strings::cat("the container is a mixture now, the rest of the old one is in ", copy, ": ",
                                         back.error().line())));
  }
  TRY(sys::unlink(exchange_mark(staging)));
  return outcome;
}

}  // namespace

Status restore_in_place(const Container& container, const Container& snapshot) {
  const Container own = TRY(Container::open(container.name(), container.lxcpath()));  // not the caller's --rcfile
  TRY(check_complete(own));
  TRY(check_dependants(own));
  TRY(check_stopped(own, ""));
  const os::FileLock held = TRY(lock_stopped(own, ""));
  TRY(complete_rename(own));
  const std::string staging = own.directory() + "/restoring";
  TRY(check_root_can_change(own));
  TRY(check_nothing_old(staging));
  TRY_CONTEXT(storage::remove_tree(staging), "cannot remove what an earlier restore left");
  const CloneJob job{.request = {.name = own.name(), .lxcpath = staging, .keep_name = true, .keep_hwaddr = true},
                     .final_directory = own.directory()};
  auto copy = run_clone(snapshot, job);
  if (copy)
    TRY_CONTEXT(change_places(copy->directory(), staging, own.directory()), "cannot put the restored container in its place");
  auto removed = storage::remove_tree(staging);
  if (!copy) return fail(std::move(copy.error()));
  return with_context(std::move(removed), "the container is restored, but what it replaced can't be removed");
}

}  // namespace berth::runtime
