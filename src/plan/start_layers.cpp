// Runs in: the starting command.
// Overlays among the mount entries: what they write to (upperdir, workdir) is made in the container's directory when it is
// absent. A copy of a container has a configuration that names layers of its own, and no more.
#include <sys/stat.h>

#include <algorithm>

#include "base/strings.hpp"
#include "config/mount_entry.hpp"
#include "config/mount_layers.hpp"
#include "os/paths.hpp"
#include "plan/builder.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

constexpr std::string_view kUpper = "upperdir=";

struct Layers {
  std::string lower;  // the uppermost of them
  std::vector<std::string> written;
};

Layers layers_of(const std::string& options) {
  Layers layers;
  config::edit_layers(options, [&layers](config::Layer layer, const std::string& path) {
    if (layer != config::Layer::kLower)
      layers.written.push_back(path);
    else if (layers.lower.empty())
      layers.lower = path;
    return path;
  });
  return layers;
}

// In the container's directory, which is the host's, and not in its root, whose links lead where its owner likes.
bool is_ours(const Builder& builder, const std::string& path) {
  const std::string directory = strings::cat(builder.inputs.lxcpath, '/', builder.inputs.name);
  if (!path.starts_with('/') || path != os::normalise(path) || !os::is_below(path, directory)) return false;
  const auto holds = [&path](std::string_view root) { return root.starts_with('/') && os::is_below(path, root); };
  return !std::ranges::any_of(strings::split(builder.conf().rootfs.path, ':'), holds);
}

// The upper layer shows its own owner and permissions as those of the whole.
void plan_layer(Builder& builder, const std::string& path, const std::string& lower, const Origin& origin) {
  constexpr mode_t kMode = 0755, kPermissions = 07777;
  if (!is_ours(builder, path) || sys::exists(path)) return;
  const auto like = sys::stat(lower);
  PlannedStep& make = builder.host(child::Op::kEnsureDirectory, strings::cat("making the layer ", path));
  make.text[0] = path;
  make.num[0] = like ? like->st_mode & kPermissions : kMode;
  make.num[1] = like ? like->st_uid : builder.root_uid;
  make.num[2] = like ? like->st_gid : builder.root_gid;
  make.flags = child::kStepMayFail;  // hooks of the container may yet mount something there: the mount tells what is amiss
  make.origin = origin;
}

void plan_layers_of(Builder& builder, const config::MountEntry& entry, const Origin& origin) {
  if (entry.type != "overlay" && entry.type != "overlayfs") return;
  const Layers layers = layers_of(entry.options.data);
  for (const std::string& path : layers.written) plan_layer(builder, path, layers.lower, origin);
}

}  // namespace

// What can't be read is told where it is mounted.
void plan_layers(Builder& builder) {
  const std::string& fstab = builder.conf().mounts.fstab;
  const auto text = fstab.empty() ? Result<std::string>() : sys::read_file(fstab);
  if (text && text->find(kUpper) != text->npos) {
    for (const auto& entry : config::parse_fstab(*text, fstab).value_or(std::vector<config::MountEntry>()))
      plan_layers_of(builder, entry, Origin{fstab, entry.line, {}});
  }
  for (const auto& [line, origin] : builder.conf().mounts.entries) {
    if (line.find(kUpper) == line.npos) continue;
    if (const auto entry = config::parse_mount_entry(line)) plan_layers_of(builder, *entry, origin);
  }
}

}  // namespace berth::plan
