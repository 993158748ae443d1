// Runs in: host commands and library callers.
// The mount is made detached, on the host's side, and put into its place by a process that is in the container's mount
// namespace: nothing has to be shared with the container for it.
#include <fcntl.h>

#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "os/namespaces.hpp"
#include "runtime/inside.hpp"
#include "runtime/live.hpp"
#include "runtime/mount_data.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace berth::runtime {
namespace {

using namespace child;  // kMs*

constexpr unsigned long kPropagation = kMsShared | kMsSlave | kMsPrivate | kMsUnbindable;

bool is_bind(const LiveMount& mount) { return mount.type.empty() || (mount.flags & kMsBind) != 0; }

Status check_request(const LiveMount& mount) {
  if (!mount.target.starts_with('/')) {
    return fail(Error::message(strings::cat("the target '", mount.target, "' is not an absolute path"))
                    .hint("name the place as the container sees it, as in /srv/data"));
  }
  if ((mount.flags & (kMsRemount | kMsMove)) != 0) {
    return fail(Error::message("a mount that is there already can't be moved or mounted again", ENOTSUP)
                    .hint("remove it and mount it with the new flags"));
  }
  // These show the namespaces of whoever mounts them: the container would see the host.
  static constexpr auto kOfNamespaces =
      std::to_array<std::string_view>({"proc", "sysfs", "mqueue", "cgroup", "cgroup2", "devpts"});
  if (is_bind(mount) || std::find(kOfNamespaces.begin(), kOfNamespaces.end(), mount.type) == kOfNamespaces.end()) return {};
  return fail(Error::message(strings::cat("a ", mount.type, " mounted from outside would be the host's"), ENOTSUP)
                  .hint(strings::cat("mount it from inside: lxc-attach ... -- mount -t ", mount.type, " ...")));
}

// The id map of an idmapped mount is that of a user namespace.
Result<Fd> user_namespace_of(const RunningInit& init) {
  if ((init.namespaces & CLONE_NEWUSER) == 0) {
    return fail(Error::message("idmap=container needs a container with an id map").hint("leave the option out"));
  }
  return os::open_namespace(init.process.pid(), *os::find_namespace(CLONE_NEWUSER));
}

Status map_owners(const RunningInit& init, const Fd& tree, bool recursive) {
  const Fd user = TRY(user_namespace_of(init));
  return sys::set_mount_attributes(tree.get(), recursive, MOUNT_ATTR_IDMAP, 0, 0, user.get());
}

// A copy of a shared mount is its peer: what the container mounts below must not come out again, so a copy follows only.
Status set_attributes(const Fd& tree, unsigned long flags, unsigned long propagation) {
  const bool recursive = (flags & kMsRec) != 0;
  const mount_attr wanted = mount_attributes(flags, 0);
  const unsigned long given = flags & kPropagation;
  return sys::set_mount_attributes(tree.get(), recursive, wanted.attr_set, wanted.attr_clr, given != 0 ? given : propagation);
}

Result<Fd> copied_tree(const RunningInit& init, const LiveMount& mount) {
  const MountData data = parse_mount_data(mount.data);
  const bool recursive = (mount.flags & kMsRec) != 0;
  Fd tree = TRY(sys::open_tree(AT_FDCWD, mount.source, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0U)));
  if (data.map_owners) TRY_CONTEXT(map_owners(init, tree, recursive), strings::cat("mapping the owners of ", mount.source));
  TRY(set_attributes(tree, mount.flags, kMsSlave));
  return tree;
}

Status configure(const Fd& filesystem, const LiveMount& mount, const MountData& data) {
  struct Word {
    unsigned long flag;
    std::string_view name;
  };
  static constexpr auto kWords = std::to_array<Word>(
      {Word{kMsReadOnly, "ro"}, Word{kMsSynchronous, "sync"}, Word{kMsDirSync, "dirsync"}, Word{kMsLazyTime, "lazytime"}});
  if (!mount.source.empty()) TRY(sys::configure_filesystem(filesystem.get(), FSCONFIG_SET_STRING, "source", mount.source));
  for (const Word& word : kWords) {
    if ((mount.flags & word.flag) != 0)
      TRY(sys::configure_filesystem(filesystem.get(), FSCONFIG_SET_FLAG, std::string(word.name), {}));
  }
  for (const auto& [key, value] : data.options) {
    const unsigned kind = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    TRY(sys::configure_filesystem(filesystem.get(), kind, key, value.value_or(std::string())));
  }
  return sys::configure_filesystem(filesystem.get(), FSCONFIG_CMD_CREATE, {}, {});
}

// Nobody's files are in a fresh tmpfs: it belongs to the container's root.
bool owned_by_container(const RunningInit& init, const LiveMount& mount) {
  return mount.type == "tmpfs" && (init.namespaces & CLONE_NEWUSER) != 0;
}

Result<Fd> new_tree(const RunningInit& init, const LiveMount& mount) {
  const MountData data = parse_mount_data(mount.data);
  const Fd filesystem = TRY(sys::open_filesystem(mount.type));
  TRY(configure(filesystem, mount, data));
  Fd tree = TRY(sys::mount_filesystem(filesystem.get(), 0));
  if (data.map_owners || owned_by_container(init, mount))
    TRY_CONTEXT(map_owners(init, tree, false), strings::cat("giving the ", mount.type, " to the container"));
  TRY(set_attributes(tree, mount.flags & ~kMsRec, 0));
  return tree;
}

Status place(const RunningInit& init, const LiveMount& mount) {
  const Fd tree = TRY(is_bind(mount) ? copied_tree(init, mount) : new_tree(init, mount));
  const bool directory = S_ISDIR(TRY(sys::stat_fd(tree.get())).st_mode);
  std::vector<plan::PlannedStep> steps(1);
  steps[0].op = Op::kAttachTree;
  steps[0].phase = Phase::kContainer;
  steps[0].doing = strings::cat("putting the mount on ", mount.target);
  steps[0].text[0] = mount.target;
  steps[0].num[1] = directory ? kTargetCreateDirectory : kTargetCreateFile;
  return change_inside(init, std::move(steps), tree);
}

std::string shown(const LiveMount& mount) {
  const std::string_view what = mount.source.empty() ? std::string_view(mount.type) : std::string_view(mount.source);
  return strings::cat("cannot mount ", what, " on ", mount.target, " of the container");
}

}  // namespace

Status inject_mount(const Container& container, const LiveMount& mount) {
  TRY_CONTEXT(check_request(mount), shown(mount));
  const RunningInit init = TRY_CONTEXT(find_running(container), shown(mount));
  return with_context(place(init, mount), shown(mount));
}

Status remove_mount(const Container& container, const std::string& target, unsigned long flags) {
  const std::string doing = strings::cat("cannot unmount ", target, " of the container");
  if (!target.starts_with('/')) return fail(Error::message("the target is not an absolute path").context(doing));
  const RunningInit init = TRY_CONTEXT(find_running(container), doing);
  std::vector<plan::PlannedStep> steps(1);
  steps[0].op = Op::kUnmount;
  steps[0].phase = Phase::kContainer;
  steps[0].doing = doing;
  steps[0].text[0] = target;
  steps[0].num[0] = static_cast<std::int64_t>(flags);
  Status done = change_inside(init, std::move(steps));
  if (done) return {};
  Error error = std::move(done.error());
  if (error.code() == EINVAL && error.operation() == "umount2") error = std::move(error).because("nothing is mounted there");
  if (error.code() == EBUSY)
    error = std::move(error).hint("processes of the container use it; MNT_DETACH takes it from their sight");
  return fail(std::move(error));
}

}  // namespace berth::runtime
