// The settings files of this host, and what stands in them.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "network/bridge_service/settings.hpp"

namespace berth::network::bridge_service {

// `files`: these and no others, and they must be there. None: /etc/default/lxc and /etc/default/lxc-net, or those of the same
// names in /etc/sysconfig; a host may have neither.
Result<CheckedSettings> read_host_settings(const std::vector<std::string>& files);

}  // namespace berth::network::bridge_service
