// Runs in: host commands and library callers.
#include <cerrno>

#include "base/strings.hpp"
#include "cgroup/device_program.hpp"
#include "runtime/attach_target.hpp"
#include "runtime/device_rules.hpp"
#include "runtime/limit_groups.hpp"
#include "runtime/live.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

bool is_device_rule(const std::string& file) { return file == "devices.allow" || file == "devices.deny"; }

Status write_all(const std::vector<cgroup::Write>& writes) {
  for (const cgroup::Write& write : writes) TRY(sys::write_attribute(write.path, write.value));
  return {};
}

Status write(const Container& container, const std::string& file, const std::string& value) {
  [[maybe_unused]] const RunningInit init = TRY(find_running(container));
  if (is_device_rule(file)) {
    const cgroup::DeviceRule rule = TRY(cgroup::parse_device_rule(file == "devices.allow", value));
    TRY(change_device_rule(container.client(), rule));
    return {};
  }
  const auto groups = TRY(limit_groups(container.client()));
  return write_all(TRY(cgroup::item_writes(groups, file, value)));
}

Result<std::string> read(const Container& container, const std::string& file) {
  [[maybe_unused]] const RunningInit init = TRY(find_running(container));
  const auto groups = TRY(limit_groups(container.client()));
  return cgroup::read_item(groups, file);
}

}  // namespace

Result<std::string> limit_path(const CommandClient& client, const std::string& controller) {
  auto group = client.limit_cgroup(controller);
  return group || group.error().code() == ECONNREFUSED ? group : client.cgroup(controller);
}

Result<std::vector<cgroup::LimitGroup>> limit_groups(const CommandClient& client) {
  const cgroup::Host host = TRY(cgroup::detect_host());
  std::vector<cgroup::LimitGroup> groups;
  for (const cgroup::Hierarchy& hierarchy : host.hierarchies) {
    const std::string controller = hierarchy.controllers.substr(0, hierarchy.controllers.find(','));
    const auto path = limit_path(client, controller);
    if (path) groups.push_back({hierarchy.controllers, strings::cat(hierarchy.mount_point, *path)});
  }
  return groups;
}

Result<std::uint32_t> change_device_rule(const CommandClient& client, const cgroup::DeviceRule& rule) {
  const cgroup::Host host = TRY(cgroup::detect_host());
  for (const cgroup::Hierarchy& hierarchy : host.hierarchies) {
    for (const std::string_view controller : strings::split(hierarchy.controllers, ',')) {
      if (controller != "devices") continue;
      return cgroup::write_device_rule(hierarchy.mount_point + TRY(limit_path(client, "devices")), rule);
    }
  }
  return client.add_device_rule(rule);
}

Result<std::string> read_cgroup_item(const Container& container, const std::string& file) {
  return with_context(read(container, file), strings::cat("cannot read ", file));
}

Status write_cgroup_item(const Container& container, const std::string& file, const std::string& value) {
  return with_context(write(container, file, value), strings::cat("cannot set ", file, " to '", value, "'"));
}

}  // namespace berth::runtime
