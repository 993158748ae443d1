// Runs in: a program that links liblxc.
#include <sys/stat.h>

#include <cerrno>
#include <span>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "config/global.hpp"
#include "config/parser.hpp"
#include "runtime/own_library.hpp"
#include "sys/file.hpp"

namespace berth::capi {
namespace {

constexpr mode_t kContainerMode = 0770, kDirectoryMode = 0755;

// Adds to what is in memory. Into a copy first: a file with an error must not leave half of itself behind.
bool load_config(lxc_container* c, const char* alt_file) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    const std::string file = alt_file != nullptr ? std::string(alt_file) : container.config_file();
    const std::lock_guard lock(handle.mutex);
    config::Conf merged = handle.configuration().value_or(config::Conf{});
    TRY(config::load_file(merged, file));
    handle.mutable_configuration() = std::move(merged);
    return true;
  });
}

Status load_default(config::Conf& conf) {
  const std::string standard = TRY(config::global_item("lxc.default_config"));
  if (!sys::exists(standard)) return {};
  return config::load_file(conf, standard);
}

Status ensure_container_directory(const runtime::Container& container) {
  if (!sys::exists(container.lxcpath())) TRY(sys::ensure_directory(container.lxcpath(), kDirectoryMode));
  return sys::ensure_directory(container.directory(), kContainerMode);
}

bool save_config(lxc_container* c, const char* alt_file) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    const std::lock_guard lock(handle.mutex);
    if (handle.face.lxc_conf == nullptr) {
      config::Conf conf;
      TRY_CONTEXT(load_default(conf), "loading the default configuration");
      handle.mutable_configuration() = std::move(conf);
    }
    const std::string file = alt_file != nullptr ? std::string(alt_file) : container.config_file();
    if (alt_file == nullptr) TRY(ensure_container_directory(container));
    TRY_CONTEXT(config::save_file(handle.mutable_configuration(), file), "saving the configuration");
    return true;
  });
}

bool set_config_item(lxc_container* c, const char* key, const char* value) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (key == nullptr) return fail("no configuration key was given");
    const std::lock_guard lock(handle.mutex);
    TRY(config::set_item(handle.mutable_configuration(), key, text_of(value)));
    return true;
  });
}

void clear_config(lxc_container* c) {
  guarded(c, false, [](Handle& handle) -> Result<bool> {
    const std::lock_guard lock(handle.mutex);
    delete std::exchange(handle.face.lxc_conf, nullptr);
    return true;
  });
}

Error nothing_loaded() { return Error::message("no configuration is loaded", ENOENT); }

bool clear_config_item(lxc_container* c, const char* key) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    const std::lock_guard lock(handle.mutex);
    if (key == nullptr) return fail("no configuration key was given");
    if (handle.face.lxc_conf == nullptr) return fail(nothing_loaded());
    TRY(config::clear_item(handle.mutable_configuration(), key));
    return true;
  });
}

// A caller's memory; none where it only measures.
std::span<char> room(char* buffer, int size) {
  return buffer == nullptr || size <= 0 ? std::span<char>() : std::span(buffer, static_cast<std::size_t>(size));
}

int get_config_item(lxc_container* c, const char* key, char* buffer, int size) {
  return guarded(c, -1, [&](Handle& handle) -> Result<int> {
    const std::lock_guard lock(handle.mutex);
    if (key == nullptr) return fail("no configuration key was given");
    if (handle.face.lxc_conf == nullptr) return fail(nothing_loaded());
    return static_cast<int>(TRY(config::copy_item(handle.face.lxc_conf->conf, key, room(buffer, size))));
  });
}

char* get_running_config_item(lxc_container* c, const char* key) {
  return guarded<char*>(c, nullptr, [&](Handle& handle) -> Result<char*> {
    if (key == nullptr) return fail("no configuration key was given");
    const std::string value = TRY(TRY(handle.container()).client().config_item(key));
    return value.empty() ? nullptr : copy_text(value);
  });
}

int get_keys(lxc_container* c, const char* key, char* buffer, int size) {
  return guarded(c, -1, [&](Handle& handle) -> Result<int> {
    const std::lock_guard lock(handle.mutex);
    static const config::Conf kEmpty;
    const config::Conf& conf = handle.face.lxc_conf != nullptr ? handle.face.lxc_conf->conf : kEmpty;
    const std::string_view prefix = key != nullptr ? std::string_view(key) : std::string_view();
    return static_cast<int>(TRY(config::copy_keys(conf, prefix, room(buffer, size))));
  });
}

char* config_file_name(lxc_container* c) {
  return guarded<char*>(c, nullptr, [](Handle& handle) -> Result<char*> {
    const std::lock_guard lock(handle.mutex);
    return copy_text(static_cast<const char*>(handle.face.configfile));
  });
}

const char* get_config_path(lxc_container* c) { return c == nullptr ? nullptr : c->config_path; }

bool set_config_path(lxc_container* c, const char* path) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (path == nullptr) return fail("no directory was given");
    const std::lock_guard lock(handle.mutex);
    const auto container = TRY(runtime::Container::open(text_of(handle.face.name), TRY(runtime::resolve_lxcpath(text_of(path)))));
    std::free(std::exchange(handle.face.config_path, copy_text(container.lxcpath())));
    std::free(std::exchange(handle.face.configfile, copy_text(container.config_file())));
    return true;
  });
}

bool want_daemonize(lxc_container* c, bool wanted) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    const std::lock_guard lock(handle.mutex);
    if (handle.face.lxc_conf == nullptr) return fail(nothing_loaded());
    handle.face.daemonize = wanted;
    return true;
  });
}

// berth hands on no descriptor in any case.
bool want_close_all_fds(lxc_container* c, bool) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> {
    const std::lock_guard lock(handle.mutex);
    if (handle.face.lxc_conf == nullptr) return fail(nothing_loaded());
    return true;
  });
}

}  // namespace

void fill_config_members(lxc_container& face) {
  face.load_config = load_config;
  face.save_config = save_config;
  face.set_config_item = set_config_item;
  face.clear_config = clear_config;
  face.clear_config_item = clear_config_item;
  face.get_config_item = get_config_item;
  face.get_running_config_item = get_running_config_item;
  face.get_keys = get_keys;
  face.config_file_name = config_file_name;
  face.get_config_path = get_config_path;
  face.set_config_path = set_config_path;
  face.want_daemonize = want_daemonize;
  face.want_close_all_fds = want_close_all_fds;
}

}  // namespace berth::capi
