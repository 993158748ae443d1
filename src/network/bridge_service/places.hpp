// Where one bridge's run-time files are. Others look here too: what runs containers writes `reservations` and `names`, a file a
// container, and dnsmasq reads them.
#pragma once

#include <string>

namespace berth::network::bridge_service {

struct Places {
  std::string run_directory;  // "/run/lxc"
  std::string bridge;

  [[nodiscard]] std::string directory() const { return run_directory + "/net/" + bridge; }
  [[nodiscard]] std::string journal() const { return directory() + "/state"; }
  [[nodiscard]] std::string pid_file() const { return directory() + "/dnsmasq.pid"; }
  [[nodiscard]] std::string reservations() const { return directory() + "/reservations"; }
  [[nodiscard]] std::string names() const { return directory() + "/names"; }
  [[nodiscard]] std::string lock() const { return run_directory + "/net/lock"; }
  [[nodiscard]] std::string flag() const { return run_directory + "/network_up"; }
};

}  // namespace berth::network::bridge_service
