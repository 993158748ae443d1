// Runs in: the command lxc-destroy; the monitor's destroy program of an ephemeral container.
#include "runtime/destroy.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "os/lock.hpp"
#include "runtime/host_program.hpp"
#include "runtime/partial.hpp"
#include "runtime/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

Status check_exists(const Container& container) {
  if (container.defined()) return {};
  return fail(Error::message("no such container", ENOENT)
                  .because(container.config_file() + " does not exist")
                  .hint(strings::cat("lxc-ls -P ", container.lxcpath(), " lists the containers; lxc-create makes one")));
}

Status check_not_being_created(Creation state, const Container& container) {
  if (state != Creation::kOngoing) return {};
  return fail(Error::message("another process is creating this container", EBUSY)
                  .because(container.directory() + "/partial is locked")
                  .hint("wait until it is done, or end that process"));
}

// Clones that need this container's storage: two lines each, LXCPATH and NAME.
Status check_dependants(const Container& container) {
  const auto text = sys::read_file(container.directory() + "/lxc_snapshots");
  if (!text) return forgive_absence(fail(Error(text.error()).context("cannot see whether clones depend on the container")));
  if (strings::trim(*text).empty()) return {};
  const auto lines = strings::split(strings::trim(*text), '\n');
  std::string names;
  for (std::size_t i = 1; i < lines.size(); i += 2) names += strings::cat(i > 1 ? ", " : "", lines[i - 1], "/", lines[i]);
  return fail(Error::message("clones depend on this container", EBUSY)
                  .because(names.empty() ? strings::cat("lxc_snapshots says: ", lines.front()) : names)
                  .hint("destroy the clones first"));
}

Status check_snapshots(const Container& container, bool may_go) {
  const auto snapshots = sys::list_directory(container.directory() + "/snaps");
  if (!snapshots) return forgive_absence(fail(Error(snapshots.error()).context("cannot see whether there are snapshots")));
  if (may_go || snapshots->empty()) return {};
  std::vector<std::string> names;
  for (const auto& entry : *snapshots) names.push_back(entry.name);
  std::ranges::sort(names);
  return fail(Error::message("the container has snapshots", EBUSY)
                  .because(strings::join(names, ", "))
                  .hint("add --snapshots to remove them too"));
}

// True: it ran, and has been stopped.
Result<bool> ensure_stopped(const Container& container, bool force) {
  const State state = TRY(container.state());
  if (state == State::kStopped) return false;
  if (!force)
    return fail(Error::message(strings::cat("the container is ", state_name(state)), EBUSY)
                    .hint(strings::cat("stop it first (lxc-stop -P ", strings::shell_quote(container.lxcpath()), " -n ",
                                       container.name(), "), or add --force")));
  TRY_CONTEXT(container.kill(), "cannot stop the container");
  return true;
}

// Against starts. Taken when the container is stopped: the monitor of an ephemeral one destroys it, under this lock, before it
// ends.
Result<os::FileLock> lock(const Container& container) {
  auto taken = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  TRY(ensure_stopped(container, false));
  return taken;
}

// --- hooks ---------------------------------------------------------------------------------------------------------------
std::vector<std::string> hook_environment(const Container& container, const config::Conf& conf) {
  auto environment = own_environment();
  for (const auto* list : {&conf.environment, &conf.environment_hooks})
    for (const auto& entry : *list) environment.push_back(entry.value);
  const auto add = [&](std::string_view name, std::string_view value) { environment.push_back(strings::cat(name, "=", value)); };
  add("LXC_NAME", container.name());
  add("LXC_CONFIG_FILE", container.config_file());
  if (!conf.rootfs.mount.empty()) add("LXC_ROOTFS_MOUNT", conf.rootfs.mount);
  if (!conf.rootfs.path.empty()) add("LXC_ROOTFS_PATH", conf.rootfs.path);
  if (!conf.console.path.empty()) add("LXC_CONSOLE", conf.console.path);
  if (!conf.console.logfile.empty()) add("LXC_CONSOLE_LOGPATH", conf.console.logfile);
  add("LXC_CGNS_AWARE", "1");
  add("LXC_HOOK_VERSION", strings::cat(conf.hooks.version));
  if (conf.hooks.version == 1) {
    add("LXC_HOOK_TYPE", "destroy");
    add("LXC_HOOK_SECTION", "lxc");
  }
  return environment;
}

Status run_hook(const Container& container, const config::Conf& conf, const config::SourcedText& hook) {
  std::string command = "exec " + hook.value;
  if (conf.hooks.version == 0) command += strings::cat(" ", strings::shell_quote(container.name()), " lxc destroy");
  HostProgram program;
  program.arguments = {"/bin/sh", "-c", command};
  program.environment = hook_environment(container, conf);
  program.capture = true;
  const HostOutcome outcome = TRY(run_host_program(program));
  if (outcome.status == 0) return {};
  return fail(Error::message(strings::cat("the destroy hook ", describe_wait_status(outcome.status)), EIO)
                  .output(outcome.output)
                  .hint("repair the hook or remove its line; nothing has been removed")
                  .set_by(hook.origin));
}

Status run_hooks(const Container& container, const config::Conf& conf) {
  for (const auto& hook : conf.hooks.commands[static_cast<std::size_t>(config::HookType::kDestroy)])
    TRY(run_hook(container, conf, hook));
  return {};
}

// --- storage ---------------------------------------------------------------------------------------------------------------
bool same_file(const std::string& a, const std::string& b) {
  const auto first = sys::stat(a);
  const auto second = sys::stat(b);
  return first && second && first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

// A configuration that names "/" or a directory above the container as its root must not cost the host its files.
Status check_root_is_below(const Container& container, const config::Conf& conf) {
  std::string path = container.directory();
  for (;;) {
    if (same_file(conf.rootfs.path, path.empty() ? "/" : path))
      return fail(Error::message("the root file system holds more than this container", EBUSY)
                      .because(strings::cat(conf.rootfs.path, " is ", path.empty() ? "the host's root" : path))
                      .hint("set lxc.rootfs.managed = 0 to keep it")
                      .set_by(conf.origin("lxc.rootfs.path")));
    if (path.empty()) return {};
    path.resize(path.rfind('/'));
  }
}

Status remove_root(const Container& container, const config::Conf& conf) {
  const std::string& path = conf.rootfs.path;
  if (path.empty() || !conf.rootfs.managed) return {};
  if (!conf.rootfs.type.empty() && conf.rootfs.type != "dir")
    return fail(Error::message(strings::cat("removing storage of type '", conf.rootfs.type, "' comes later"), EOPNOTSUPP)
                    .because("this release removes root file systems of type dir only")
                    .hint("remove the storage by its own tools, then set lxc.rootfs.managed = 0 and destroy again")
                    .set_by(conf.origin("lxc.rootfs.path")));
  TRY(check_root_is_below(container, conf));
  return remove_tree(path);
}

// What must stay in the container's directory: an unmanaged root that lies in it.
std::vector<std::string> unmanaged_entries(const Container& container, const config::Conf& conf) {
  const std::string prefix = container.directory() + "/";
  if (conf.rootfs.managed || !conf.rootfs.path.starts_with(prefix)) return {};
  const auto below = strings::split_words(std::string_view(conf.rootfs.path).substr(prefix.size()), "/");
  if (below.empty()) return {};
  return {std::string(below.front())};
}

// The configuration goes last, so that a destroy which was killed half-way can be repeated.
Status remove_directory(const Container& container, const config::Conf& conf) {
  auto keep = unmanaged_entries(container, conf);
  const bool stays = !keep.empty();
  keep.emplace_back("config");
  TRY(forgive_absence(remove_contents(container.directory(), keep)));
  TRY(forgive_absence(sys::unlink(container.directory() + "/config")));  // not config_file(): that may be the caller's --rcfile
  if (stays) return {};
  return remove_tree(container.directory());
}

Status destroy_defined(const Container& container, const DestroyRequest& request) {
  TRY(check_exists(container));
  TRY(container.load());  // what can't be read is not stopped either
  TRY(check_dependants(container));
  TRY(check_snapshots(container, request.snapshots));
  const bool ran = TRY(ensure_stopped(container, request.force));
  const os::FileLock held = TRY(lock(container));
  if (ran && !container.defined()) return {};  // it was ephemeral
  TRY(check_exists(container));
  const config::Conf conf = TRY(container.load());
  TRY(check_dependants(container));
  TRY(check_snapshots(container, request.snapshots));
  TRY(run_hooks(container, conf));
  TRY(remove_root(container, conf));
  return remove_directory(container, conf);
}

// A root outside of the directory (--dir) may have been there before the creation that was killed: it is left alone.
Status destroy_partial(const Container& container, const DestroyRequest& request) {
  TRY(ensure_stopped(container, request.force));
  const os::FileLock held = TRY(lock(container));
  TRY(check_not_being_created(TRY(creation_state(container.directory())), container));
  return remove_tree(container.directory());
}

}  // namespace

Status destroy(const Container& container, const DestroyRequest& request) {
  const auto state = creation_state(container.directory());
  if (!state) return with_context(Status(fail(state.error())), "cannot destroy");
  if (*state == Creation::kCrashed) return with_context(destroy_partial(container, request), "cannot destroy");
  auto outcome = check_not_being_created(*state, container);
  if (outcome) outcome = destroy_defined(container, request);
  return with_context(std::move(outcome), "cannot destroy");
}

}  // namespace berth::runtime
