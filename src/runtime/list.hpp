// The containers of one lxcpath. Each function is one pass, whatever the number of containers.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

struct ListEntry {
  std::string name;
  bool defined = false;  // has a configuration file
  bool active = false;   // a monitor listens
};

// Names with a configuration below `lxcpath`, sorted; none that begins with a dot. An lxcpath that does not exist has none.
Result<std::vector<std::string>> list_defined(const std::string& lxcpath);
// The same below an open directory, `path` for messages.
Result<std::vector<std::string>> list_defined_in(int directory, const std::string& path);
// Defined and active ones together, sorted by name.
Result<std::vector<ListEntry>> list_all(const std::string& lxcpath);

// The parser behind list_active: plain addresses of `lxcpath` give names, hashed ones are returned to be asked.
struct ActiveSockets {
  std::vector<std::string> names;
  std::vector<std::string> hashed;  // whole addresses "lxc/0123456789abcdef/command"
};
ActiveSockets parse_unix_sockets(std::string_view table, std::string_view lxcpath);
// The lxcpaths of all plain addresses of containers called `name`, and the hashed ones.
struct NamedSockets {
  std::vector<std::string> lxcpaths;
  std::vector<std::string> hashed;
};
NamedSockets parse_sockets_of(std::string_view table, std::string_view name);

}  // namespace berth::runtime
