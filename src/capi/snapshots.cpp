// Runs in: a program that links liblxc.
#include <new>

#include "capi/handle.hpp"
#include "runtime/snapshot.hpp"

namespace berth::capi {
namespace {

int snapshot(lxc_container* c, const char* commentfile) {
  return guarded(c, -1, [&](Handle& handle) -> Result<int> {
    return static_cast<int>(TRY(runtime::take_snapshot(TRY(handle.container()), text_of(commentfile))));
  });
}

// Of one element; the array is the caller's.
void free_snapshot(lxc_snapshot* snapshot) {
  if (snapshot == nullptr) return;
  for (char** text : {&snapshot->name, &snapshot->comment_pathname, &snapshot->timestamp, &snapshot->lxcpath}) {
    std::free(*text);
    *text = nullptr;
  }
}

lxc_snapshot* copy_all(const std::vector<runtime::Snapshot>& snapshots) {
  auto* result = static_cast<lxc_snapshot*>(std::calloc(snapshots.size(), sizeof(lxc_snapshot)));
  if (result == nullptr) throw std::bad_alloc();
  lxc_snapshot* next = result;
  for (const runtime::Snapshot& one : snapshots) {
    *next++ = {copy_text(one.name), copy_text(one.comment_file), copy_text(one.timestamp), copy_text(one.lxcpath), free_snapshot};
  }
  return result;
}

int snapshot_list(lxc_container* c, lxc_snapshot** snapshots) {
  return guarded(c, -1, [&](Handle& handle) -> Result<int> {
    const auto found = TRY(runtime::list_snapshots(TRY(handle.container())));
    if (snapshots != nullptr) *snapshots = found.empty() ? nullptr : copy_all(found);
    return static_cast<int>(found.size());
  });
}

bool snapshot_restore(lxc_container* c, const char* snapname, const char* newname) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (snapname == nullptr) return fail("no snapshot was named");
    TRY(runtime::restore_snapshot(TRY(handle.container()), snapname, text_of(newname)));
    return true;
  });
}

bool snapshot_destroy(lxc_container* c, const char* snapname) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (snapname == nullptr) return fail("no snapshot was named");
    TRY(runtime::destroy_snapshot(TRY(handle.container()), snapname));
    return true;
  });
}

bool snapshot_destroy_all(lxc_container* c) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> { return runtime::destroy_snapshots(TRY(handle.container())); });
}

}  // namespace

void fill_snapshot_members(lxc_container& face) {
  face.snapshot = snapshot;
  face.snapshot_list = snapshot_list;
  face.snapshot_restore = snapshot_restore;
  face.snapshot_destroy = snapshot_destroy;
  face.snapshot_destroy_all = snapshot_destroy_all;
}

}  // namespace berth::capi
