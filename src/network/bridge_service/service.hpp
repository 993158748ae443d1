// lxc-net: a bridge with its addresses, forwarding, translation and dnsmasq, started and stopped as one thing.
// Every change is in the journal before it is made, so a start that fails, a stop, and a start after a crash take back just that.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/bridge_service/bridge_link.hpp"
#include "network/bridge_service/journal.hpp"
#include "network/bridge_service/kernel_settings.hpp"
#include "network/bridge_service/packet_filter.hpp"
#include "network/bridge_service/places.hpp"
#include "network/bridge_service/resolver.hpp"
#include "os/lock.hpp"

namespace berth::network::bridge_service {

struct ServiceReport {
  bool changed = false;               // else it was as wanted already
  std::vector<std::string> notes;     // what a person wants to know of it
  std::vector<std::string> warnings;  // what may not work
};

struct ServiceStatus {
  bool running = false;
  bool changing = false;            // somebody starts or stops it at this moment
  std::vector<std::string> faults;  // why it is not, or not wholly
  std::optional<BridgeView> bridge;
  std::string filter;                   // "nft", "iptables"; empty: none
  std::vector<std::string> translated;  // networks
  std::optional<pid_t> resolver;
  std::vector<Lease> leases;
};

class BridgeService {
 public:
  BridgeService(BridgeSettings settings, std::string run_directory);

  Result<ServiceReport> start();
  Result<ServiceReport> stop();
  Result<ServiceReport> restart();
  // Changes nothing.
  Result<ServiceStatus> status();

 private:
  // kRestart keeps the settings that the next start needs; kFailure: of a start that has never come to its end.
  enum class Undoing { kStop, kRestart, kFailure };

  Result<os::FileLock> lock() const;
  Status start_locked();
  Status stop_locked();
  Status start_anew(Undoing on_failure);
  Status keep_running();
  Status repair(const std::vector<std::string>& found);
  Status restart_running();
  Result<std::optional<Journal>> earlier();
  Status check_host();
  Status change_host();
  Status make_bridge();
  Status set_up_addresses(const BridgeView& view);
  Status turn(const std::vector<SettingChange>& changes);
  Status start_filter();
  Status start_resolver(int bridge_index);
  Status raise_flag();
  Status record(Change change);
  Status save();
  Status undo(Undoing why);
  Status undo_settings(Undoing why);
  Status undo_change(const Change& change, bool& keeps);
  Status undo_bridge(const Change& change, bool& keeps);
  Status undo_address(const Change& change);
  Result<std::optional<std::string>> other_user_of_forwarding();
  Status remove_directories();
  Result<std::vector<std::string>> faults();
  Result<std::vector<std::string>> faults_of_settings() const;
  [[nodiscard]] BridgeSettings started_settings() const;
  [[nodiscard]] bool in_use() const;
  Result<FilterKind> recorded_filter() const;
  [[nodiscard]] bool has_recorded(Change::Kind kind) const;
  [[nodiscard]] bool stays(const Change& change, Undoing why) const;
  std::vector<std::string> addresses() const;

  BridgeSettings settings_;
  Places places_;
  Resolver resolver_;
  Journal journal_;
  ServiceReport report_;
  std::string mark_;        // of the settings as they are given
  bool addressed_ = false;  // the bridge got an address, which dnsmasq has to bind to
};

}  // namespace berth::network::bridge_service
