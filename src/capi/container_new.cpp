// Runs in: a program that links liblxc.
#include <atomic>
#include <cerrno>
#include <new>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "config/parser.hpp"
#include "runtime/destroy.hpp"
#include "runtime/own_library.hpp"
#include "runtime/partial.hpp"
#include "sys/file.hpp"

namespace berth::capi {
namespace {

// The library's helpers are beside the library. At loading, when there is one thread.
[[gnu::constructor]] void find_own_place() { runtime::look_beside_library_of(reinterpret_cast<const void*>(&find_own_place)); }

void free_handle(Handle* handle) {
  lxc_container& face = handle->face;
  for (char* text : {face.name, face.configfile, face.pidfile, face.error_string, face.config_path}) std::free(text);
  delete face.lxc_conf;
  delete handle;
}

// A creation that was killed leaves a half container: as LXC does, whoever opens it next removes what was made.
Status clean_up(const runtime::Container& container) {
  if (TRY(runtime::creation_state(container.directory())) != runtime::Creation::kCrashed) return {};
  return with_context(runtime::remove_crashed(container, false), "removing what a creation that was killed left");
}

void fill(lxc_container& face) {
  fill_state_members(face);
  fill_config_members(face);
  fill_life_members(face);
  fill_snapshot_members(face);
  fill_attach_members(face);
  fill_console_members(face);
  fill_live_members(face);
  fill_migrate_members(face);
}

Status load_own_file(Handle& handle, const runtime::Container& container) {
  if (!container.defined()) return {};
  return config::load_file(handle.mutable_configuration(), container.config_file());
}

}  // namespace

Result<lxc_container*> new_container(const char* name, const char* lxcpath) {
  if (name == nullptr) return fail("a container needs a name");
  const auto container = TRY(runtime::Container::open(name, TRY(runtime::resolve_lxcpath(text_of(lxcpath)))));
  TRY(clean_up(container));
  auto* handle = new Handle;
  handle->face.name = copy_text(container.name());
  handle->face.config_path = copy_text(container.lxcpath());
  handle->face.configfile = copy_text(container.config_file());
  handle->face.numthreads = 1;
  handle->face.daemonize = true;
  fill(handle->face);
  if (auto loaded = load_own_file(*handle, container); !loaded) {
    free_handle(handle);
    return fail(std::move(loaded.error()));
  }
  return &handle->face;
}

}  // namespace berth::capi

extern "C" {

lxc_container* lxc_container_new(const char* name, const char* configpath) {
  using namespace berth::capi;
  return guarded_globally<lxc_container*>(nullptr, [&] { return new_container(name, configpath); });
}

int lxc_container_get(lxc_container* c) {
  if (c == nullptr) return 0;
  std::atomic_ref(c->numthreads).fetch_add(1, std::memory_order_relaxed);
  return 1;
}

int lxc_container_put(lxc_container* c) {
  if (c == nullptr) return -1;
  if (std::atomic_ref(c->numthreads).fetch_sub(1, std::memory_order_acq_rel) > 1) return 0;
  berth::capi::free_handle(&berth::capi::Handle::of(c));
  return 1;
}
}
