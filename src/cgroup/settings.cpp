// Runs in: the caller, while planning. Reads only.
#include "cgroup/settings.hpp"

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "cgroup/blkio.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/paths.hpp"
#include "sys/features.hpp"

namespace berth::cgroup {

namespace {

constexpr std::string_view kDevices = "devices";
constexpr std::string_view kCore = "cgroup";  // cgroup.freeze, cgroup.max.depth: files of every v2 group

enum class Version { kV1, kV2 };

std::string key_of(const Setting& setting, Version version) {
  return strings::cat(version == Version::kV1 ? "lxc.cgroup." : "lxc.cgroup2.", setting.file);
}

std::string where(const Setting& setting) {
  return setting.origin.known() ? strings::cat(setting.origin.file, ':', setting.origin.line, ": ") : std::string();
}

bool sets(const std::vector<Setting>& settings, std::string_view file) {
  return std::ranges::find(settings, file, &Setting::file) != settings.end();
}

bool sets_devices(const std::vector<Setting>& settings) {
  return std::ranges::any_of(settings, [](const Setting& one) { return controller_of(one.file) == kDevices; });
}

class Router {
 public:
  Router(const Ground& ground, const Request& request) : ground_(ground), request_(request) {}

  Result<Routed> run() {
    for (const auto& setting : request_.v1) TRY(route_v1(setting));
    for (const auto& setting : request_.v2) TRY(route_v2(setting));
    if (find_v1(kDevices) == nullptr) TRY(compile_devices());
    return std::move(routed_);
  }

 private:
  Status route_v1(const Setting& setting) {
    const auto controller = controller_of(setting.file);
    if (const auto* target = find_v1(controller)) return write(*target, setting, setting);
    if (controller == kDevices) return {};  // compile_devices
    if (is_skipped(controller)) return fail(not_writable(setting, Version::kV1));
    return translate(setting, Version::kV1);
  }

  Status route_v2(const Setting& setting) {
    const auto controller = controller_of(setting.file);
    if (controller == kDevices) return route_v2_devices(setting);
    if (const auto* unified = find_unified(); unified != nullptr && offers(controller)) return write(*unified, setting, setting);
    return translate(setting, Version::kV2);
  }

  // A v1 devices hierarchy takes the same rules. Rules given in both forms are meant for one of them each.
  Status route_v2_devices(const Setting& setting) {
    const auto* target = find_v1(kDevices);
    if (target == nullptr || sets_devices(request_.v1)) return {};
    return write(*target, setting, setting);
  }

  // Without that hierarchy the rules become a program of the unified group.
  Status compile_devices() {
    const bool own_words = sets_devices(request_.v2);
    const auto version = own_words ? Version::kV2 : Version::kV1;
    std::vector<DeviceRule> rules;
    DeviceProgram made;
    for (const auto& setting : own_words ? request_.v2 : request_.v1) {
      if (controller_of(setting.file) != kDevices) continue;
      rules.push_back(TRY(device_rule(setting, version)));
      if (made.rules.empty()) made.origin = setting.origin;
      made.rules.push_back(strings::cat(rules.back().allow ? "allow " : "deny ", strings::trim(setting.value)));
    }
    if (rules.empty()) return {};
    const auto* unified = find_unified();
    if (unified == nullptr || is_skipped(kDevices) || !sys::has(sys::Feature::kDeviceProgram)) return warn_devices();
    made.group = unified->limit;
    made.allowed_at_first = allowed_at_first(rules, version);
    made.program = program_text(compile_device_policy(device_policy(made.allowed_at_first, rules)));
    if (!made.program.empty()) routed_.devices = std::move(made);
    return {};
  }

  // A v1 group begins with what its parent allows. For v2 keys a list that begins by allowing something means to allow that
  // alone, as in LXC.
  static bool allowed_at_first(const std::vector<DeviceRule>& rules, Version version) {
    return version == Version::kV1 || !rules.front().allow;
  }

  static Result<DeviceRule> device_rule(const Setting& setting, Version version) {
    const bool allow = setting.file == "devices.allow";
    if (!allow && setting.file != "devices.deny") {
      return fail(Error::message(strings::cat(key_of(setting, version), ": no such setting"), ENOENT)
                      .hint("device rules are devices.allow and devices.deny")
                      .set_by(setting.origin));
    }
    auto rule = parse_device_rule(allow, setting.value);
    if (rule) return rule;
    return fail(std::move(rule.error()).context(key_of(setting, version)).set_by(setting.origin));
  }

  Status translate(const Setting& setting, Version from) {
    const bool to_v2 = from == Version::kV1;
    const auto translated = to_v2 ? translate_to_v2(setting, request_.v1) : translate_to_v1(setting, request_.v2);
    if (!translated) return without_translation(setting, from);
    for (const auto& piece : *translated) {
      // What the configuration says for this host in its own words goes first.
      if (sets(to_v2 ? request_.v2 : request_.v1, piece.file)) continue;
      const auto* target = to_v2 ? find_unified_for(piece.file) : find_v1(controller_of(piece.file));
      if (target == nullptr) return fail(no_controller(setting, from));
      const auto local = to_v2 ? localize_weight(piece, setting, *target) : piece;
      TRY(write(*target, local, setting));
      if (local.file != setting.file) warn_translated(setting, local, from);
    }
    return {};
  }

  Status without_translation(const Setting& setting, Version from) {
    const bool legacy_on_v2 = from == Version::kV1 && find_unified() != nullptr &&
                              (ground_.host.layout == Layout::kV2 || offers(v2_controller(controller_of(setting.file))));
    if (!legacy_on_v2) return fail(no_controller(setting, from));
    warn(strings::cat(where(setting), key_of(setting, from), " = ", setting.value,
                      " is not applied: this host has no cgroup v1 controller '", controller_of(setting.file),
                      "' and cgroup v2 has no equivalent"));
    return {};
  }

  Status write(const Placement& target, const Setting& setting, const Setting& asked) {
    const auto controller = controller_of(setting.file);
    if (target.hierarchy.unified() && controller != kCore) need(controller);
    routed_.writes.push_back({join_path(target.limit, setting.file), setting.value, asked.origin, controller == kDevices, false});
    return {};
  }

  void need(std::string_view controller) {
    if (std::ranges::find(routed_.controllers, controller) == routed_.controllers.end())
      routed_.controllers.emplace_back(controller);
  }

  const Placement* find_v1(std::string_view controller) const {
    for (const auto& placement : ground_.placements) {
      if (!placement.hierarchy.unified() && has_controller(placement.hierarchy.controllers, controller)) return &placement;
    }
    return nullptr;
  }

  const Placement* find_unified() const {
    const auto found = std::ranges::find_if(ground_.placements, [](const Placement& one) { return one.hierarchy.unified(); });
    return found == ground_.placements.end() ? nullptr : &*found;
  }

  const Placement* find_unified_for(std::string_view file) const {
    return offers(controller_of(file)) ? find_unified() : nullptr;
  }

  bool offers(std::string_view controller) const { return controller == kCore || has_controller(ground_.available, controller); }

  bool is_skipped(std::string_view controller) const {
    return std::ranges::any_of(ground_.skipped,
                               [&](const Hierarchy& one) { return has_controller(one.controllers, controller); });
  }

  void warn(std::string text) {
    if (std::ranges::find(routed_.warnings, text) == routed_.warnings.end()) routed_.warnings.push_back(std::move(text));
  }

  Status warn_devices() {
    if (is_skipped(kDevices))
      warn("device rules need write access to the cgroup v1 devices hierarchy, which this user does not have; not applied");
    else if (find_unified() == nullptr)
      warn("device rules need the cgroup v1 devices controller or cgroup v2, and this host has neither; not applied");
    else
      warn(
          "device rules need device programs of cgroup v2, which this kernel does not have or does not let this user load; "
          "not applied");
    return {};
  }

  void warn_translated(const Setting& setting, const Setting& piece, Version from) {
    warn(strings::cat(where(setting), key_of(setting, from), " = ", setting.value, " is applied as ", piece.file, " = ",
                      piece.value, ", its cgroup ", from == Version::kV1 ? "v2" : "v1", " equivalent"));
  }

  std::string inventory() const {
    std::vector<std::string> v1;
    for (const auto& placement : ground_.placements) {
      if (!placement.hierarchy.unified()) v1.push_back(placement.hierarchy.controllers);
    }
    auto text = strings::cat("cgroup v1: ", v1.empty() ? "none" : strings::join(v1, " "));
    if (find_unified() == nullptr) return text + "; cgroup v2: not mounted";
    return strings::cat(text, "; cgroup v2: ", ground_.available.empty() ? "no controller" : ground_.available);
  }

  Error no_controller(const Setting& setting, Version version) const {
    const auto controller = controller_of(setting.file);
    if (is_skipped(controller) || is_skipped(v1_controller(controller))) return not_writable(setting, version);
    return Error::message(strings::cat(key_of(setting, version), ": no cgroup controller '", controller, "' is available"),
                          ENOENT)
        .because(strings::cat("this host offers ", inventory()))
        .hint(
            "remove the line, or make the controller available (kernel parameter cgroup_enable=, or delegation by the service "
            "manager)")
        .set_by(setting.origin);
  }

  Error not_writable(const Setting& setting, Version version) const {
    return Error::message(strings::cat(key_of(setting, version), ": the cgroup of that controller is not writable for this user"),
                          EACCES)
        .hint("remove the line, or have an administrator give this user a cgroup of its own in that hierarchy")
        .set_by(setting.origin);
  }

  const Ground& ground_;
  const Request& request_;
  Routed routed_;
};

}  // namespace

Result<Routed> route_settings(const Ground& ground, const Request& request) { return Router(ground, request).run(); }

}  // namespace berth::cgroup
