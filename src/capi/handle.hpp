// The object behind struct lxc_container, and the boundary that every C function passes.
#pragma once

#include <lxc/lxccontainer.h>

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "config/conf.hpp"
#include "runtime/container.hpp"

// What the header leaves opaque.
struct lxc_conf {
  berth::config::Conf conf;
};

namespace berth::capi {

// A caller knows `face` only. Functions of one container may run in several threads: `mutex` guards the members of `face` and the
// configuration; it is not held while a function waits for anything.
struct Handle {
  lxc_container face = {};  // first: a pointer to it is a pointer to the Handle
  std::recursive_mutex mutex;

  static Handle& of(lxc_container* c) { return *reinterpret_cast<Handle*>(c); }

  // The runtime's view of the container, made anew each time: callers may have changed configfile or config_path.
  [[nodiscard]] Result<runtime::Container> container();
  // A copy of the configuration in memory; empty where there is none.
  [[nodiscard]] std::optional<config::Conf> configuration();
  // That in memory, which is made (from defaults) when there is none. Call it with the mutex held.
  [[nodiscard]] config::Conf& mutable_configuration();
  // Replaces error_string, and writes the log.
  void note(const Error& error);
  void set_error_number(int number);
};

// Allocated with malloc, as callers free it; null for null.
char* copy_text(std::string_view text);
char* copy_text(const char* text);

// A caller's string; null is empty.
inline std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// What could not become an Error: no memory, or a bug. Errors of functions that have no container.
void note_globally(const Error& error);
Error describe_exception() noexcept;

// Calls `body(handle)`, a Result<R>. No exception passes; a failure is noted at the container and becomes `failure`.
template <typename R, typename Body>
R guarded(lxc_container* c, R failure, Body body) noexcept {
  if (c == nullptr) return failure;
  Handle& handle = Handle::of(c);
  try {
    Result<R> result = body(handle);
    if (result) return std::move(*result);
    handle.note(result.error());
  } catch (...) {
    try {
      handle.note(describe_exception());
    } catch (...) {  // no memory to say so
    }
  }
  return failure;
}

// The same for functions whose caller gets the negative errno of a failure.
template <typename Body>
int guarded_errno(lxc_container* c, int null_failure, Body body) noexcept {
  if (c == nullptr) return null_failure;
  Handle& handle = Handle::of(c);
  try {
    Result<int> result = body(handle);
    if (result) return *result;
    handle.note(result.error());
    return -result.error().code();
  } catch (...) {
    return -12;  // ENOMEM
  }
}

// Without a container.
template <typename R, typename Body>
R guarded_globally(R failure, Body body) noexcept {
  try {
    Result<R> result = body();
    if (result) return std::move(*result);
    note_globally(result.error());
  } catch (...) {  // no memory
  }
  return failure;
}

// A text for a caller's buffer: its length, whatever `size` is; at most `size` bytes with the NUL are stored.
int give_text(std::string_view text, char* buffer, int size);

// The members of one topic, put into the table of a new container.
void fill_state_members(lxc_container& face);
void fill_config_members(lxc_container& face);
void fill_life_members(lxc_container& face);
void fill_snapshot_members(lxc_container& face);
void fill_attach_members(lxc_container& face);
void fill_console_members(lxc_container& face);
void fill_live_members(lxc_container& face);
void fill_migrate_members(lxc_container& face);

// A container with one reference whose configuration, where it has a file, is loaded. `name`, `lxcpath` as callers give them.
Result<lxc_container*> new_container(const char* name, const char* lxcpath);

}  // namespace berth::capi
