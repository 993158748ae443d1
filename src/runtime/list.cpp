// Runs in: host commands.
#include "runtime/list.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kSuffix = "/command";
constexpr std::string_view kHashedPrefix = "lxc/";

void sort_unique(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

// The address column of one line of /proc/net/unix, without its '@', or nothing for what is no abstract address.
std::string_view abstract_address(std::string_view line) {
  const std::size_t at = line.find(" @");
  return at == std::string_view::npos ? std::string_view{} : line.substr(at + 2);
}

bool is_hashed(std::string_view address) {
  constexpr std::size_t kDigits = 16;
  if (!address.starts_with(kHashedPrefix) || address.size() != kHashedPrefix.size() + kDigits + kSuffix.size()) return false;
  return address.substr(kHashedPrefix.size(), kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// `use` gets the whole address, and what it is of: LXCPATH/NAME where it is a plain one.
template <typename Use>
void for_each_command_socket(std::string_view table, const Use& use) {
  while (!table.empty()) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    const std::string_view address = abstract_address(table.substr(0, end));
    table.remove_prefix(std::min(end + 1, table.size()));
    if (address.ends_with(kSuffix)) use(address, address.substr(0, address.size() - kSuffix.size()));
  }
}

}  // namespace

ActiveSockets parse_unix_sockets(std::string_view table, std::string_view lxcpath) {
  ActiveSockets found;
  for_each_command_socket(table, [&](std::string_view address, std::string_view owner) {
    if (is_hashed(address))
      found.hashed.emplace_back(address);
    else if (owner.size() > lxcpath.size() + 1 && owner.starts_with(lxcpath) && owner[lxcpath.size()] == '/') {
      const std::string_view name = owner.substr(lxcpath.size() + 1);
      if (name.find('/') == std::string_view::npos) found.names.emplace_back(name);
    }
  });
  // Each connection of a monitor shows its address again.
  sort_unique(found.names);
  sort_unique(found.hashed);
  return found;
}

NamedSockets parse_sockets_of(std::string_view table, std::string_view name) {
  NamedSockets found;
  const std::string end = strings::cat("/", name);
  for_each_command_socket(table, [&](std::string_view address, std::string_view owner) {
    if (is_hashed(address))
      found.hashed.emplace_back(address);
    else if (owner.starts_with('/') && owner.size() > end.size() && owner.ends_with(end))
      found.lxcpaths.emplace_back(owner.substr(0, owner.size() - end.size()));
  });
  sort_unique(found.lxcpaths);
  sort_unique(found.hashed);
  return found;
}

Result<std::vector<std::string>> list_active(const std::string& lxcpath) {
  ActiveSockets found = parse_unix_sockets(TRY(sys::read_file("/proc/net/unix")), lxcpath);
  for (const std::string& address : found.hashed) {
    const auto client = CommandClient::at_address(address);
    const auto path = client.lxcpath();
    // A monitor that ends meanwhile, or that is another user's, is not ours to list.
    if (!path || *path != lxcpath) continue;
    if (const auto name = client.name(); name) found.names.push_back(*name);
  }
  sort_unique(found.names);
  return std::move(found.names);
}

Result<std::vector<std::string>> list_defined_in(int directory, const std::string& path) {
  std::vector<std::string> names;
  std::string file;
  for (sys::DirectoryEntry& entry : TRY(sys::list_directory_fd(directory, path))) {
    if (entry.type == DT_REG || entry.name.starts_with('.')) continue;  // what is hidden is no container, as with LXC
    file.assign(entry.name).append("/config");
    if (sys::raw::call(SYS_faccessat, directory, file.c_str(), F_OK) == 0) names.push_back(std::move(entry.name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> list_defined(const std::string& lxcpath) {
  const auto directory = sys::open(lxcpath, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!directory && directory.error().code() == ENOENT) return std::vector<std::string>{};
  if (!directory) return fail(Error(directory.error()).context("cannot list the containers"));
  return list_defined_in(directory->get(), lxcpath);
}

Result<std::vector<ListEntry>> list_all(const std::string& lxcpath) {
  const std::vector<std::string> defined = TRY(list_defined(lxcpath));
  const std::vector<std::string> active = TRY(list_active(lxcpath));
  std::vector<ListEntry> entries;
  entries.reserve(defined.size());
  auto a = active.begin();
  for (const std::string& name : defined) {
    for (; a != active.end() && *a < name; ++a) entries.push_back({*a, false, true});
    const bool running = a != active.end() && *a == name;
    if (running) ++a;
    entries.push_back({name, true, running});
  }
  for (; a != active.end(); ++a) entries.push_back({*a, false, true});
  return entries;
}

}  // namespace berth::runtime
