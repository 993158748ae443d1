// Publishing ports for real: the registry, the kernel's rules, and what could stand in the way. Runs where a program may be
// waited for: in berth-network, not in the monitor.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "network/publish.hpp"

namespace berth::network {

// Whose publications they are.
struct Publisher {
  std::string bridge;
  std::string container;  // LXCPATH/NAME
  unsigned index = 0;     // of lxc.net.N
  std::string run = {};   // of the container, as Published has it
};

// Publishes these in place of what the publisher had before. They count as long as `holder` lives. Error: another container or a
// process of the host has one of the ports, the host does not forward, nft refuses; then nothing has changed.
Status publish(const Publisher& publisher, const Holder& holder, const std::vector<Publication>& wanted);
// What the publisher's run has published; of all its runs where that is empty. Nothing published is fine.
Status unpublish(const Publisher& publisher);

// Writes the rules of what containers that live have published on the bridge anew, as after somebody flushed them.
Status republish(const std::string& bridge);
// Containers that live have published ports on the bridge, and the kernel's rules for them are gone. Changes nothing.
Result<bool> misses_published(const std::string& bridge);

// Error: there is no such process.
Result<Holder> holder_of(pid_t pid);

}  // namespace berth::network
