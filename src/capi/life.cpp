// Runs in: a program that links liblxc.
#include <cerrno>
#include <cstdarg>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "config/parser.hpp"
#include "runtime/clone.hpp"
#include "runtime/create.hpp"
#include "runtime/destroy.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/store_options.hpp"

namespace berth::capi {
namespace {

std::vector<std::string> words(char* const* list) {
  std::vector<std::string> result;
  for (; list != nullptr && *list != nullptr; ++list) result.emplace_back(*list);
  return result;
}

std::vector<std::string> words(std::va_list list) {
  std::vector<std::string> result;
  while (const char* word = va_arg(list, const char*)) result.emplace_back(word);
  return result;
}

// --- start -----------------------------------------------------------------------------------------------------------------

Status load_when_missing(Handle& handle, const runtime::Container& container) {
  const std::lock_guard lock(handle.mutex);
  if (handle.face.lxc_conf != nullptr || !container.defined()) return {};
  return config::load_file(handle.mutable_configuration(), container.config_file());
}

struct Starting {
  runtime::StartRequest request;
  std::optional<config::Conf> configuration;
};

Starting prepare_start(Handle& handle, bool with_init, std::vector<std::string> command) {
  const std::lock_guard lock(handle.mutex);
  Starting starting;
  starting.configuration = handle.configuration();
  starting.request.foreground = !handle.face.daemonize;
  starting.request.with_init = with_init;
  starting.request.command = std::move(command);
  starting.request.pid_file = text_of(handle.face.pidfile);
  starting.request.program = "liblxc";
  return starting;
}

// lxc-execute's kind of start needs to be told what to run.
Status check_command(const Starting& starting) {
  const bool configured = starting.configuration && !starting.configuration->init.execute_command.empty();
  if (!starting.request.with_init || !starting.request.command.empty() || configured) return {};
  return fail(Error::message("no command to execute was given").hint("give one, or set lxc.execute.cmd"));
}

bool start_with(lxc_container* c, int useinit, std::vector<std::string> command) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    handle.set_error_number(1);
    TRY(load_when_missing(handle, container));
    Starting starting = prepare_start(handle, useinit != 0, std::move(command));
    TRY(check_command(starting));
    if (starting.configuration) starting.request.configuration = &*starting.configuration;
    const auto outcome = TRY(container.start(starting.request));
    if (outcome.already_running) return fail("the container is running already", EBUSY);
    handle.set_error_number(starting.request.foreground ? outcome.exit_status : 0);
    return true;
  });
}

bool start(lxc_container* c, int useinit, char* const argv[]) {
  return guarded(c, false, [&](Handle&) -> Result<bool> { return start_with(c, useinit, words(argv)); });
}

bool startl(lxc_container* c, int useinit, ...) {
  std::va_list list;
  va_start(list, useinit);
  const bool started = guarded(c, false, [&](Handle&) -> Result<bool> { return start_with(c, useinit, words(list)); });
  va_end(list);
  return started;
}

// --- create ----------------------------------------------------------------------------------------------------------------

// Not rbduser: it came with LXC 7, and the structure of older callers ends before it. lxc.bdev.rbd.rbduser says it for them all.
storage::Specs given_specs(const bdev_specs& specs) {
  return {.directory = text_of(specs.dir),
          .fstype = text_of(specs.fstype),
          .size = specs.fssize,
          .zfs_root = text_of(specs.zfs.zfsroot),
          .volume_group = text_of(specs.lvm.vg),
          .logical_volume = text_of(specs.lvm.lv),
          .thin_pool = text_of(specs.lvm.thinpool),
          .rbd_name = text_of(specs.rbd.rbdname),
          .rbd_pool = text_of(specs.rbd.rbdpool)};
}

Result<runtime::CreateRequest> create_request(Handle& handle, const char* name, const char* bdev, const bdev_specs* specs,
                                              int flags) {
  if ((flags & ~(LXC_CREATE_MAXFLAGS - 1)) != 0) return fail(strings::cat("create knows no flags ", flags));
  const auto container = TRY(handle.container());
  runtime::CreateRequest request;
  request.name = container.name();
  request.lxcpath = container.lxcpath();
  request.template_name = name != nullptr ? name : "none";
  request.bdev = text_of(bdev);
  request.quiet = (flags & LXC_CREATE_QUIET) != 0;
  if (specs != nullptr) request.specs = runtime::specs_for(request.bdev, given_specs(*specs));
  request.over_definition = true;
  if (const auto conf = handle.configuration()) request.config_text = conf->unexpanded;
  return request;
}

// The file says more than was in memory: what the template wrote.
Status load_created(Handle& handle) {
  const auto container = TRY(handle.container());
  config::Conf conf = TRY(container.load());
  const std::lock_guard lock(handle.mutex);
  handle.mutable_configuration() = std::move(conf);
  return {};
}

bool create_with(lxc_container* c, const char* name, const char* bdev, const bdev_specs* specs, int flags,
                 std::vector<std::string> arguments) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    runtime::CreateRequest request = TRY(create_request(handle, name, bdev, specs, flags));
    if (name == nullptr && TRY(handle.container()).defined()) return true;  // LXC: there is nothing to do
    request.template_args = std::move(arguments);
    TRY(runtime::create(request));
    TRY(load_created(handle));
    return true;
  });
}

bool create(lxc_container* c, const char* t, const char* bdevtype, bdev_specs* specs, int flags, char* const argv[]) {
  return guarded(c, false, [&](Handle&) -> Result<bool> { return create_with(c, t, bdevtype, specs, flags, words(argv)); });
}

bool createl(lxc_container* c, const char* t, const char* bdevtype, bdev_specs* specs, int flags, ...) {
  std::va_list list;
  va_start(list, flags);
  const bool created =
      guarded(c, false, [&](Handle&) -> Result<bool> { return create_with(c, t, bdevtype, specs, flags, words(list)); });
  va_end(list);
  return created;
}

// --- destroy, clone, rename --------------------------------------------------------------------------------------------------

bool destroy_with(lxc_container* c, bool snapshots) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    TRY(runtime::destroy(TRY(handle.container()), {.force = false, .snapshots = snapshots}));
    return true;
  });
}

bool destroy(lxc_container* c) { return destroy_with(c, false); }
bool destroy_with_snapshots(lxc_container* c) { return destroy_with(c, true); }

constexpr int kCloneFlags = LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR | LXC_CLONE_SNAPSHOT | LXC_CLONE_KEEPBDEVTYPE |
                            LXC_CLONE_MAYBE_SNAPSHOT | LXC_CLONE_ALLOW_RUNNING;

Result<runtime::CloneRequest> clone_request(int flags) {
  if ((flags & ~kCloneFlags) != 0) return fail(strings::cat("clone knows no flags ", flags & ~kCloneFlags));
  const auto has = [&](int flag) { return (flags & flag) != 0; };
  runtime::CloneRequest request;
  request.snapshot = has(LXC_CLONE_SNAPSHOT);
  request.maybe_snapshot = has(LXC_CLONE_MAYBE_SNAPSHOT);
  request.keep_name = has(LXC_CLONE_KEEPNAME);
  request.keep_hwaddr = has(LXC_CLONE_KEEPMACADDR);
  request.keep_store = has(LXC_CLONE_KEEPBDEVTYPE);
  request.allow_running = has(LXC_CLONE_ALLOW_RUNNING);
  return request;
}

lxc_container* clone(lxc_container* c, const char* newname, const char* lxcpath, int flags, const char* bdevtype,
                     const char* bdevdata, std::uint64_t newsize, char** hookargs) {
  return guarded<lxc_container*>(c, nullptr, [&](Handle& handle) -> Result<lxc_container*> {
    runtime::CloneRequest request = TRY(clone_request(flags));
    request.name = text_of(newname);
    request.lxcpath = text_of(lxcpath);
    request.bdev = text_of(bdevtype);
    request.place = text_of(bdevdata);
    request.specs.size = newsize;
    request.hook_arguments = words(hookargs);
    const auto made = TRY(runtime::clone(TRY(handle.container()), request));
    return new_container(made.name().c_str(), made.lxcpath().c_str());
  });
}

bool rename(lxc_container* c, const char* newname) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (newname == nullptr) return fail("no new name was given");
    TRY(runtime::rename(TRY(handle.container()), newname));
    return true;
  });
}

}  // namespace

void fill_life_members(lxc_container& face) {
  face.start = start;
  face.startl = startl;
  face.create = create;
  face.createl = createl;
  face.destroy = destroy;
  face.destroy_with_snapshots = destroy_with_snapshots;
  face.clone = clone;
  face.rename = rename;
}

}  // namespace berth::capi
