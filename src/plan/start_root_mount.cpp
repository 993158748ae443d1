// Runs in: the starting command.
// A root that is no directory: a file system on a device, or one made of directories (docs/adr/0010).
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "os/command.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"

namespace berth::plan {
namespace {

using Option = std::pair<std::string, std::string>;

// What mount(2) takes as flags and fsconfig(2) as words: they belong to the file system, not to the place it is mounted on.
struct FlagWord {
  unsigned long flag;
  std::string_view word;
};
constexpr auto kFlagWords = std::to_array<FlagWord>({
    FlagWord{child::kMsReadOnly, "ro"},
    FlagWord{child::kMsSynchronous, "sync"},
    FlagWord{child::kMsDirSync, "dirsync"},
    FlagWord{child::kMsLazyTime, "lazytime"},
});

bool has_mount_calls() { return sys::has(sys::Feature::kNewMountApi) && sys::has(sys::Feature::kMountSetattr); }

// Layers of an overlay may be mounted by pre-mount hooks, which only processes of the container's mount namespace see, and their
// paths may be longer than a value for fsconfig(2). In a user namespace the container's root would need the way to every layer:
// there it does so only for the hooks' sake.
bool mounted_inside(const Builder& builder) {
  if (!has_mount_calls()) return true;
  if (builder.inputs.root->fstype != "overlay" || !builder.root_idmap.empty()) return false;
  return !builder.user_namespace || has_hooks(builder, config::HookType::kPreMount);
}

std::vector<Option> all_options(const Builder& builder, bool inside) {
  const RootMount& root = *builder.inputs.root;
  std::vector<Option> options = root.options;
  for (const std::string_view word : strings::split_words(builder.root_data, ",")) {
    const std::size_t equals = word.find('=');
    const bool flag = equals == word.npos;
    options.emplace_back(word.substr(0, equals), flag ? std::string_view{} : word.substr(equals + 1));
  }
  const Option user_names{"userxattr", ""};  // a user namespace can't write the trusted ones
  if (inside && builder.user_namespace && root.fstype == "overlay" && std::ranges::find(options, user_names) == options.end())
    options.push_back(user_names);
  return options;
}

std::string with_commas_escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == ',') text += '\\';
    text += c;
  }
  return text;
}

std::string as_data(const std::vector<Option>& options) {
  std::string data;
  for (const auto& [key, value] : options) {
    if (!data.empty()) data += ',';
    data += value.empty() ? key : strings::cat(key, '=', with_commas_escaped(value));
  }
  return data;
}

Status check_inside(const Builder& builder) {
  if (has_mount_calls() || !builder.user_namespace) return {};
  return fail(Error::message("this kernel can't mount the root file system for a container with an id map", ENOSYS)
                  .because("fsopen(2) and mount_setattr(2) are missing: they came with Linux 5.2 and 5.12")
                  .hint("keep the root file system in a directory (lxc.rootfs.path = dir:PATH)")
                  .set_by(builder.origin("lxc.rootfs.path")));
}

PlannedStep& add_attach(Builder& builder) {
  PlannedStep& root = builder.inside(child::Op::kAttachRoot, "mounting the root file system");
  root.text[0] = builder.root_source.empty() ? builder.inputs.root->fstype : builder.root_source;
  root.text[1] = builder.root_mount;
  root.num[0] = static_cast<std::int64_t>(builder.root_flags);
  root.num[1] = static_cast<std::int64_t>(builder.root_propagation);
  root.num[3] = kSlotMountPoint;
  root.origin = builder.origin(builder.conf().rootfs.options.empty() ? "lxc.rootfs.path" : "lxc.rootfs.options");
  return root;
}

void plan_mount_inside(Builder& builder) {
  PlannedStep& root = add_attach(builder);
  root.num[2] = static_cast<std::int64_t>(child::Tree::kNew);
  root.text[2] = builder.inputs.root->fstype;
  root.text[3] = as_data(all_options(builder, true));
}

void plan_mount_by_monitor(Builder& builder) {
  const RootMount& mount = *builder.inputs.root;
  PlannedStep& root = add_attach(builder);
  root.num[2] = static_cast<std::int64_t>(child::Tree::kReceived);
  PlannedStep& send = builder.meanwhile(
      child::Op::kSendRoot, strings::cat("opening the file system of ", mount.device.empty() ? mount.fstype : mount.device));
  send.text[0] = root.text[0];
  send.text[1] = builder.root_idmap;
  send.text[2] = mount.fstype;
  const auto add = [&send](std::string key, std::string value) {
    send.list[0].push_back(std::move(key));
    send.list[0].push_back(std::move(value));
  };
  if (!mount.device.empty()) add("source", mount.device);
  for (auto& [key, value] : all_options(builder, false)) add(std::move(key), std::move(value));
  for (const auto& [flag, word] : kFlagWords) {
    if ((builder.root_flags & flag) != 0) add(std::string(word), "");
  }
  send.origin = root.origin;
}

}  // namespace

// The steps that take it back come last at the end of the container, when nothing uses the device any more.
void plan_root_device(Builder& builder) {
  if (!builder.inputs.root) return;
  const RootMount& root = *builder.inputs.root;
  if (!root.releases.empty()) {
    PlannedStep& connected = builder.add(child::Phase::kCaller, child::Op::kNone,
                                         strings::cat("connecting ", root.device.empty() ? root.directory : root.device));
    connected.origin = builder.origin("lxc.rootfs.path");
  }
  // All undo the same step; the newest step's undo steps run first, those of one step in this order.
  const auto number = static_cast<std::uint32_t>(builder.plan.steps.size());
  for (const auto& words : root.releases) {
    PlannedStep& release = builder.add(child::Phase::kUndo, child::Op::kHostHook, strings::cat("running ", words.front()));
    release.undoes = number;
    release.text[0] = strings::join(words, " ");
    release.text[1] = "release";
    release.list[0] = words;
    release.list[1] = {strings::cat("PATH=", os::kSearchPath)};
  }
  if (root.hold.empty()) return;
  PlannedStep& hold = builder.host(child::Op::kOpenSlot, strings::cat("keeping ", root.hold, " connected"));
  hold.text[0] = root.hold;
  hold.num[0] = kSlotRootDevice;
  hold.num[1] = O_RDONLY;
  hold.origin = builder.origin("lxc.rootfs.path");
  builder.undo(child::Op::kCloseSlot, strings::cat("letting ", root.hold, " go")).num[0] = kSlotRootDevice;
}

Status plan_root_mount(Builder& builder) {
  TRY(check_inside(builder));
  if (mounted_inside(builder))
    plan_mount_inside(builder);
  else
    plan_mount_by_monitor(builder);
  return {};
}

}  // namespace berth::plan
