// Runs in: host commands.
#include "runtime/freezer.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "runtime/deadline.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr int kPollInterval = 2;  // ms

Result<std::string> freezer_file(const CommandClient& client) {
  auto group = client.limit_cgroup("freezer");
  if (!group) group = client.cgroup("freezer");  // monitors before LXC 4.0.3
  if (!group) return fail(group.error());
  const cgroup::Host host = TRY(cgroup::detect_host());
  for (const cgroup::Hierarchy& hierarchy : host.hierarchies) {
    for (const std::string_view controller : strings::split(hierarchy.controllers, ',')) {
      if (controller == "freezer") return strings::cat(hierarchy.mount_point, *group, "/freezer.state");
    }
  }
  return fail("the host has no freezer hierarchy", ENOENT);
}

Status reach(const std::string& file, std::string_view state) {
  do {
    // Written again each time: tasks that were forked while freezing can leave the group in FREEZING.
    TRY(sys::write_attribute(file, state));
    if (strings::trim(TRY(sys::read_file(file))) == state) return {};
  } while (pause_until(Deadline::never(), kPollInterval));
  return {};
}

}  // namespace

Status freeze_by_file(const CommandClient& client) {
  const std::string file = TRY(freezer_file(client));
  TRY(client.announce(State::kFreezing));
  TRY(reach(file, "FROZEN"));
  return client.announce(State::kFrozen);
}

Status unfreeze_by_file(const CommandClient& client) {
  const std::string file = TRY(freezer_file(client));
  TRY(reach(file, "THAWED"));
  TRY(client.announce(State::kThawed));
  return client.announce(State::kRunning);
}

}  // namespace berth::runtime
