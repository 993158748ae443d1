// The files of a container as they are at one moment, though it may run.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "os/lock.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

enum class Stillness {
  kAny,     // stopped; else a snapshot of its storage where that can, else frozen, but for a device
  kFrozen,  // frozen in any case
  kNone,    // as it is: what changes meanwhile may be inconsistent
  kStream,  // as it is, and nobody else exports it: BackingStore::begin_send() keeps it as it is at one moment
};

// Holds a container still, and lets it go again: meanwhile nobody destroys, renames or restores it, though it be stopped. What a
// kill leaves (a snapshot, a frozen container) is noted in the directory `exporting` of the container's, and ended by
// end_killed_export().
class StillContainer {
 public:
  static Result<StillContainer> hold(const Container& container, const config::Conf& conf, Stillness how);
  StillContainer(StillContainer&& other) noexcept;
  StillContainer& operator=(StillContainer&&) = delete;
  ~StillContainer() { (void)release(); }

  // The root file system's store, nullptr without one, and the path to read it by.
  [[nodiscard]] const storage::BackingStore* store() const { return store_; }
  [[nodiscard]] const std::string& root() const { return root_; }
  // Of kStream: the state that is to be sent. It becomes the shared one by keep_state(), else it goes with release().
  [[nodiscard]] const std::string& state() const { return state_; }
  Status keep_state();
  Status release();

 private:
  explicit StillContainer(const Container& container) : container_(&container) {}
  Status hold_running(const config::Conf& conf, Stillness how);
  Result<bool> take_snapshot(const std::string& path);
  Status freeze();
  Status end_notes();
  Status begin_stream();

  const Container* container_;
  std::optional<os::FileLock> held_, exporting_;  // the first goes last
  const storage::BackingStore* store_ = nullptr;
  std::string root_, snapshot_, state_;
  bool frozen_ = false;
};

// Nobody exports the container meanwhile. Its next incremental archive is whole.
Status forget_shared_state(const Container& container);

// What an export that was killed left: its snapshot is destroyed, its container thawed. Nothing where none was.
Status end_killed_export(const Container& container);
// Looks only: false also while an export is at work.
Result<bool> export_was_killed(const Container& container);
// Looks only: the container stands frozen since such an export froze it. What was frozen after another start is its user's.
Result<bool> export_left_frozen(const Container& container);

}  // namespace berth::runtime
