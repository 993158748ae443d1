// Takes a snapshot of a container, copies the container, and brings the snapshot back as a third one.
//   clone_and_snapshot LXCPATH NAME COPY RESTORED
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

Status copy(const char* lxcpath, const char* name, const char* copy_name, const char* restored_name) {
  const auto source = Container::open(name, lxcpath);
  if (!source) return std::unexpected(source.error());
  const auto taken = source->take_snapshot();
  if (!taken) return std::unexpected(taken.error());
  const auto copied = source->clone(copy_name, {.snapshot_if_able = true});
  if (!copied) return std::unexpected(copied.error());
  const auto restored = source->restore_snapshot(*taken, restored_name);
  if (!restored) return std::unexpected(restored.error());
  const auto snapshots = source->snapshots();
  if (!snapshots) return std::unexpected(snapshots.error());
  for (const Snapshot& one : *snapshots) std::printf("%s of %s\n", one.name.c_str(), one.timestamp.c_str());
  std::printf("copied to %s and %s\n", copied->name().c_str(), restored->name().c_str());
  return source->destroy_snapshot(*taken);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const Status done = copy(argv[1], argv[2], argv[3], argv[4]);
  if (done) return 0;
  std::fputs(done.error().text("clone_and_snapshot", argv[2]).c_str(), stderr);
  return 1;
}
