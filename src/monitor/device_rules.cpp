// Runs in: the monitor.
#include "monitor/device_rules.hpp"

#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "cgroup/item.hpp"
#include "monitor/groups.hpp"
#include "sys/bpf.hpp"
#include "sys/file.hpp"

namespace berth::monitor {
namespace {

constexpr std::string_view kAllow = "allow ";
constexpr std::string_view kDeny = "deny ";

std::string number_text(std::int32_t number) { return number == -1 ? std::string("*") : strings::cat(number); }

const child::Step* find_program_step(const child::BlobView& blob) {
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    if (blob.step(i).op == child::Op::kDeviceProgram) return &blob.step(i);
  }
  return nullptr;
}

}  // namespace

Result<cgroup::DeviceRule> parse_device_request(const runtime::DeviceRuleRequest& request) {
  const bool ended = std::memchr(request.access, '\0', sizeof request.access) != nullptr;
  if ((request.allow != 0 && request.allow != 1) || !ended) return fail(Error::from_errno(EINVAL, "device rule"));
  const bool allow = request.allow == 1;
  if (request.type == 'a') return cgroup::parse_device_rule(allow, "a");
  const std::string text = strings::cat(request.type, ' ', number_text(request.major), ':', number_text(request.minor), ' ',
                                        static_cast<const char*>(request.access));
  return cgroup::parse_device_rule(allow, text);
}

DeviceRules::DeviceRules(const child::BlobView& blob, Fd& program) : blob_(blob), program_(program) {}

void DeviceRules::begin() {
  program_.reset();
  const child::Step* step = find_program_step(blob_);
  policy_ = {step == nullptr || step->num[0] != 0, {}};
  if (step == nullptr) return;
  const child::StringList texts = blob_.list(step->list[0]);
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = texts[i];
    const bool allow = text.starts_with(kAllow);
    if (auto rule = cgroup::parse_device_rule(allow, text.substr((allow ? kAllow : kDeny).size())))
      cgroup::add_rule(policy_, *rule);
  }
}

Result<std::uint32_t> DeviceRules::add(const cgroup::DeviceRule& rule) {
  const std::vector<Group> groups = groups_of(blob_);
  const Group* devices = find_group(groups, "devices");
  if (devices != nullptr && !devices->controller.empty()) return cgroup::write_device_rule(devices->directory(true), rule);
  cgroup::DevicePolicy policy = policy_;
  cgroup::add_rule(policy, rule);
  TRY(apply(policy));
  const std::uint32_t changed = cgroup::changed_accesses(policy_, rule);
  policy_ = std::move(policy);
  return changed;
}

Status DeviceRules::apply(const cgroup::DevicePolicy& policy) {
  const std::vector<Group> groups = groups_of(blob_);
  const Group* unified = nullptr;
  for (const Group& group : groups) {
    if (group.controller.empty()) unified = &group;
  }
  if (unified == nullptr) return fail(Error::from_errno(EOPNOTSUPP, "device rule", "no hierarchy takes device rules"));
  const std::string path = unified->directory(true);
  const Fd group = TRY(sys::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto instructions = cgroup::compile_device_policy(policy);
  if (instructions.empty()) {
    if (program_) TRY(sys::detach_device_program(program_.get(), group.get(), path));
    program_.reset();
    return {};
  }
  Fd program = TRY(sys::load_device_program(instructions));
  if (program_)
    TRY(sys::replace_device_program(program.get(), program_.get(), group.get(), path));
  else
    TRY(sys::attach_device_program(program.get(), group.get(), path));
  program_ = std::move(program);
  return {};
}

}  // namespace berth::monitor
