// The configuration of a container, typed where programs often look, and by key for all of it.
#pragma once

#include <berth/result.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::api {
inline namespace v0 {

// lxc.rootfs.*
struct RootFileSystem {
  std::string path{};     // empty = the container shares the host's
  std::string type{};     // "dir", "overlay", ...; empty = found out from the path
  std::string options{};  // "ro", "idmap=container"
  bool managed = true;    // false: destroy() leaves it
};

// One lxc.mount.entry. Blanks are plain ones here; they are escaped in the file.
struct MountEntry {
  std::string source{}, target{};
  std::string type = "none";
  std::string options = "bind";  // as in fstab(5), with LXC's create=dir, optional, relative
};

// The subkeys of one lxc.net.N.
struct Network {
  unsigned index = 0;
  std::string type{};  // "veth", "empty", ...
  std::string link{}, name{}, hardware_address{};
  std::optional<unsigned> mtu{};
  bool up = false;
  std::vector<std::string> ipv4_addresses{}, ipv6_addresses{};     // "10.0.3.7/24"
  std::optional<std::string> ipv4_gateway{}, ipv6_gateway{};       // address, "auto" or "dev"
  std::vector<std::pair<std::string, std::string>> more_values{};  // other subkeys: {"veth.pair", "web0"}
};

// lxc.prlimit.NAME
struct ResourceLimit {
  std::string name{};                           // "nofile"
  std::optional<std::uint64_t> soft{}, hard{};  // nothing = unlimited
};

// lxc.cgroup.FILE (version 1) and lxc.cgroup2.FILE (version 2)
struct CgroupSetting {
  int version = 2;
  std::string file{};  // "memory.max"
  std::string value{};
};

struct Autostart {
  bool enabled = false;
  unsigned delay = 0;  // seconds
  int order = 0;
  std::vector<std::string> groups{};
};

// Move-only; copy() copies. Different threads may read one object at the same time; who changes it must be alone.
//
// Changes are to the object; save() writes them. What is saved is the text that was loaded with these changes: comments, order
// and includes stay. What an included file says is not part of that text, so clear() of it lasts until the next load.
class [[nodiscard]] Config {
 public:
  BERTH_API Config();  // nothing but defaults
  BERTH_API Config(Config&&) noexcept;
  BERTH_API Config& operator=(Config&&) noexcept;
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  BERTH_API ~Config();
  [[nodiscard]] BERTH_API Config copy() const;

  // Error: the first bad line, with what was expected. Then nothing of the file was taken.
  [[nodiscard]] BERTH_API static Result<Config> from_file(const std::string& path);
  // `name` stands for the file in messages.
  [[nodiscard]] BERTH_API static Result<Config> from_text(std::string_view text, const std::string& name = "configuration");
  // On top of what is there.
  [[nodiscard]] BERTH_API Status load(const std::string& path);
  // Replaces the file at once or not at all.
  [[nodiscard]] BERTH_API Status save(const std::string& path) const;
  // What save() writes.
  [[nodiscard]] BERTH_API std::string text() const;

  // --- any key -------------------------------------------------------------------------------------------------------------
  // As LXC gives it: empty when it is not set, each entry of a list ended by '\n'. Error: no such key, and which one is near.
  [[nodiscard]] BERTH_API Result<std::string> get(const std::string& key) const;
  // The entries of a key that lists; of any other its value alone; none when it is not set.
  [[nodiscard]] BERTH_API Result<std::vector<std::string>> get_list(const std::string& key) const;
  // A list gets one more entry. An empty value clears.
  [[nodiscard]] BERTH_API Status set(const std::string& key, const std::string& value);
  // Clears it first: a list has this entry alone afterwards.
  [[nodiscard]] BERTH_API Status replace(const std::string& key, const std::string& value);
  [[nodiscard]] BERTH_API Status clear(const std::string& key);
  // All keys there are, or those below a prefix: "lxc.net.0".
  [[nodiscard]] BERTH_API Result<std::vector<std::string>> keys(const std::string& prefix = {}) const;
  // What is set, or has a default that is not empty.
  [[nodiscard]] BERTH_API std::vector<std::pair<std::string, std::string>> items() const;
  [[nodiscard]] BERTH_API static bool is_supported(const std::string& key);

  // --- typed ---------------------------------------------------------------------------------------------------------------
  [[nodiscard]] BERTH_API std::string host_name() const;
  [[nodiscard]] BERTH_API Status set_host_name(const std::string& name);

  [[nodiscard]] BERTH_API std::string init_command() const;  // empty: /sbin/init
  [[nodiscard]] BERTH_API Status set_init_command(const std::string& command);

  [[nodiscard]] BERTH_API RootFileSystem root_file_system() const;
  [[nodiscard]] BERTH_API Status set_root_file_system(const RootFileSystem& root);

  [[nodiscard]] BERTH_API Result<std::vector<MountEntry>> mounts() const;
  [[nodiscard]] BERTH_API Status add_mount(const MountEntry& mount);

  [[nodiscard]] BERTH_API std::vector<Network> networks() const;  // by index
  // In place of what lxc.net.INDEX was. When a value is refused nothing has changed.
  [[nodiscard]] BERTH_API Status set_network(const Network& network);
  [[nodiscard]] BERTH_API Status remove_network(unsigned index);

  // Names and values; nothing = the value that the name has where the container is started.
  [[nodiscard]] BERTH_API std::map<std::string, std::optional<std::string>> environment() const;
  // In place of the variable's former value.
  [[nodiscard]] BERTH_API Status set_environment(const std::string& name, const std::string& value);

  [[nodiscard]] BERTH_API Result<std::vector<ResourceLimit>> resource_limits() const;
  [[nodiscard]] BERTH_API Status set_resource_limit(const ResourceLimit& limit);

  [[nodiscard]] BERTH_API std::vector<CgroupSetting> cgroup_settings() const;
  // In place of former values of the file, except for device rules, which add up.
  [[nodiscard]] BERTH_API Status set_cgroup(const CgroupSetting& setting);

  [[nodiscard]] BERTH_API Autostart autostart() const;
  [[nodiscard]] BERTH_API Status set_autostart(const Autostart& autostart);

  struct Impl;  // the library's own
  explicit Config(std::unique_ptr<Impl> impl) noexcept;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace berth::api
