// Runs in: a program that links liblxc.
#include <lxc/version.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <new>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "config/global.hpp"
#include "config/parser.hpp"
#include "runtime/list.hpp"
#include "runtime/own_library.hpp"

namespace berth::capi {
namespace {

// --- lists -----------------------------------------------------------------------------------------------------------------

// Takes apart what it has made when memory ends in the middle.
class ListOut {
 public:
  ListOut(const std::vector<std::string>& names, const std::string& lxcpath) : names_(names), lxcpath_(lxcpath) {}
  ~ListOut() {
    for (char** one = texts_; one != nullptr && *one != nullptr; ++one) std::free(*one);
    std::free(texts_);
    for (lxc_container** one = handles_; one != nullptr && *one != nullptr; ++one) lxc_container_put(*one);
    std::free(handles_);
  }

  // Containers whose configuration can't be read are left out of both, as the two lists belong together.
  int give(char*** texts, lxc_container*** handles) {
    texts_ = array<char*>();
    handles_ = array<lxc_container*>();
    int count = 0;
    for (const std::string& name : names_) {
      if (handles != nullptr) {
        auto opened = new_container(name.c_str(), lxcpath_.c_str());
        if (!opened) {
          note_globally(opened.error());
          continue;
        }
        handles_[count] = *opened;
      }
      texts_[count++] = copy_text(name);
    }
    if (count == 0) return 0;
    if (texts != nullptr) *texts = std::exchange(texts_, nullptr);
    if (handles != nullptr) *handles = std::exchange(handles_, nullptr);
    return count;
  }

 private:
  template <typename T>
  T* array() {
    auto* made = static_cast<T*>(std::calloc(names_.size() + 1, sizeof(T)));
    if (made == nullptr) throw std::bad_alloc();
    return made;
  }
  const std::vector<std::string>& names_;
  const std::string& lxcpath_;
  char** texts_ = nullptr;
  lxc_container** handles_ = nullptr;
};

Result<std::vector<std::string>> list_known(const std::string& lxcpath) {
  std::vector<std::string> names;
  for (auto& entry : TRY(runtime::list_all(lxcpath))) names.push_back(std::move(entry.name));
  return names;
}

int list(Result<std::vector<std::string>> (*find)(const std::string&), const char* lxcpath, char*** names,
         lxc_container*** handles) {
  if (names != nullptr) *names = nullptr;
  if (handles != nullptr) *handles = nullptr;
  return guarded_globally(-1, [&]() -> Result<int> {
    const std::string path = TRY(runtime::resolve_lxcpath(text_of(lxcpath)));
    std::vector<std::string> found = TRY(find(path));
    std::ranges::sort(found);
    return ListOut(found, path).give(names, handles);
  });
}

// --- facts -----------------------------------------------------------------------------------------------------------------

// Names of LXC's list, as far as they are true of berth: what is missing here is not claimed.
constexpr auto kExtensions = std::to_array<std::string_view>({"lxc_log",
                                                              "lxc_config_item_is_supported",
                                                              "console_log",
                                                              "reboot2",
                                                              "mount_injection",
                                                              "cgroup_relative",
                                                              "mount_injection_file",
                                                              "seccomp_allow_nesting",
                                                              "seccomp_notify",
                                                              "network_veth_routes",
                                                              "network_ipvlan",
                                                              "network_l2proxy",
                                                              "network_gateway_device_route",
                                                              "network_phys_macvlan_mtu",
                                                              "network_veth_router",
                                                              "cgroup2_devices",
                                                              "cgroup2",
                                                              "pidfd",
                                                              "cgroup_advanced_isolation",
                                                              "network_bridge_vlan",
                                                              "time_namespace",
                                                              "seccomp_allow_deny_syntax",
                                                              "devpts_fd",
                                                              "seccomp_notify_fd_active",
                                                              "seccomp_proxy_send_notify_fd",
                                                              "idmapped_mounts",
                                                              "idmapped_mounts_v2",
                                                              "core_scheduling",
                                                              "cgroup2_auto_mounting",
                                                              "environment_runtime_hooks"});

constexpr auto kStates =
    std::to_array<const char*>({"STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING", "FREEZING", "FROZEN", "THAWED"});

// Valid as long as the thread lives: callers keep several. The file is read once a process, so an answer never changes.
const char* global_item(const char* key) {
  thread_local std::map<std::string, std::string, std::less<>> answers;
  if (key == nullptr) {
    errno = EINVAL;
    return nullptr;
  }
  const auto set = config::global_item_is_set(key);
  errno = set ? 0 : EINVAL;
  if (!set || !*set) return nullptr;
  const auto value = config::global_item(key);
  if (!value) return nullptr;
  return answers.try_emplace(key, *value).first->second.c_str();
}

}  // namespace
}  // namespace berth::capi

extern "C" {

using namespace berth;

int list_defined_containers(const char* lxcpath, char*** names, lxc_container*** cret) {
  return capi::list(runtime::list_defined, lxcpath, names, cret);
}

int list_active_containers(const char* lxcpath, char*** names, lxc_container*** cret) {
  return capi::list(runtime::list_active, lxcpath, names, cret);
}

int list_all_containers(const char* lxcpath, char*** names, lxc_container*** cret) {
  return capi::list(capi::list_known, lxcpath, names, cret);
}

int lxc_get_wait_states(const char** states) {
  if (states != nullptr) std::ranges::copy(capi::kStates, states);
  return static_cast<int>(capi::kStates.size());
}

const char* lxc_get_global_config_item(const char* key) {
  try {
    return capi::global_item(key);
  } catch (...) {
    errno = ENOMEM;
    return nullptr;
  }
}

const char* lxc_get_version() { return LXC_VERSION; }

bool lxc_config_item_is_supported(const char* key) {
  if (key == nullptr) return false;
  std::string_view name(key);
  if (name == "lxc.net.") name.remove_suffix(1);  // LXC's way to write that row
  return capi::guarded_globally(false, [&]() -> Result<bool> { return config::is_supported(name); });
}

bool lxc_has_api_extension(const char* extension) {
  if (extension == nullptr) return true;
  return std::ranges::find(capi::kExtensions, std::string_view(extension)) != capi::kExtensions.end();
}
}
