// Runs in: lxc-net.
#include "network/bridge_service/host_settings.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::network::bridge_service {
namespace {

Result<std::string> read_machine_id() {
  auto text = sys::read_file("/etc/machine-id");
  if (!text && text.error().code() == ENOENT) return std::string();
  if (!text) return fail(text.error());
  return std::string(strings::trim(*text));
}

}  // namespace

Result<CheckedSettings> read_host_settings(const std::vector<std::string>& files) {
  SettingsFileReader reader(sys::read_file);
  for (const std::string& file : files) reader.read(file, false);
  if (files.empty()) {
    for (const std::string_view directory : {"/etc/default", "/etc/sysconfig"}) {
      for (const std::string_view name : {"lxc", "lxc-net"}) {
        const std::string path = strings::cat(directory, '/', name);
        if (!reader.has_read(path)) reader.read(path, true);
      }
    }
  }
  return check_settings(reader.take(), TRY(read_machine_id()));
}

}  // namespace berth::network::bridge_service
