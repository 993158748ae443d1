// Ports of the host that lead to containers (lxc.net.N.publish), as data: who has which, and the nftables rules for all of them.
//
// Each bridge has a registry below the run directory, one line a publication. From it all rules are written anew at every change,
// in one transaction, into the chains publish_* and maps published_* of the table `inet berth_BRIDGE`. The table is shared with
// lxc-net, whose chains are never touched.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::network {

// `count` ports of the host from host_first on lead to as many of `target`, from target_first on.
struct Publication {
  bool udp = false;
  std::string host;  // address of the host; empty: any of the version of `target`
  std::uint16_t host_first = 0, count = 1;
  std::string target;  // address of the container
  std::uint16_t target_first = 0;

  [[nodiscard]] bool version6() const { return target.find(':') != std::string::npos; }
  bool operator==(const Publication&) const = default;
};
// "tcp,10.0.0.1,8080,1,10.0.3.17,80"; '*' for any address. One word of a command line.
std::string format_publication(const Publication& publication);
std::optional<Publication> parse_publication(std::string_view text);
// "10.0.0.1:8080/tcp", "8080-8082/udp": the side that people ask for.
std::string describe_host_side(const Publication& publication);

// The process on whose behalf it is there: number and start time, which together are never used again.
struct Holder {
  pid_t pid = 0;
  std::uint64_t began = 0;  // field 22 of /proc/PID/stat
  bool operator==(const Holder&) const = default;
};

struct Published {
  Publication what;
  Holder holder;
  unsigned index = 0;     // of lxc.net.N
  std::string container;  // LXCPATH/NAME
  std::string run = {};   // of the container: letters and digits by chance
  bool operator==(const Published&) const = default;
};

// Strict; an Error names the line.
Result<std::vector<Published>> parse_registry(std::string_view text, std::string_view name);
std::string format_registry(const std::vector<Published>& entries);

// "br0" of "br0@4026531840", if that is the namespace's number.
std::optional<std::string_view> bridge_of_registry(std::string_view file, std::uint64_t space);

// One that has a port of `wanted` already; null: none.
const Published* find_conflict(const std::vector<Published>& entries, const Publication& wanted);

// "berth_lxcbr0"; what the language of nft(8) takes in no name becomes '_', and a hash at the end keeps
// such bridges apart.
std::string table_of(std::string_view bridge);
// Input of `nft -f -`: the chains and maps for these, and nothing else of ours. Without entries: none.
std::string ruleset(std::string_view bridge, const std::vector<Published>& entries);
// Does `nft list table` show nothing but an empty table?
bool is_empty_table(std::string_view listing);

}  // namespace berth::network
