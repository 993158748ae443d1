// Runs in: the caller (planning) and the monitor. Reads only.
#include "cgroup/paths.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::cgroup {

std::string join_path(std::string_view directory, std::string_view below) {
  while (directory.ends_with('/')) directory.remove_suffix(1);
  below = strings::trim(below, "/");
  if (below.empty()) return directory.empty() ? "/" : std::string(directory);
  return strings::cat(directory, '/', below);
}

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool is_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

bool climbs(std::string_view path) {
  const auto parts = strings::split(path, '/');
  return std::ranges::find(parts, "..") != parts.end();
}

bool has_controller(std::string_view controllers, std::string_view name) {
  const auto words = strings::split_words(controllers, ", \n");
  return std::ranges::find(words, name) != words.end();
}

std::string_view controller_of(std::string_view file) { return file.substr(0, file.find('.')); }

namespace {

// faccessat2 is needed for AT_EACCESS; before Linux 5.8 the real ids decide, which are the same outside of setuid programs.
int access_refusal(const std::string& path) {
  long result = sys::raw::call(SYS_faccessat2, AT_FDCWD, path.c_str(), W_OK, AT_EACCESS);
  if (result == -ENOSYS) result = sys::raw::call(SYS_faccessat, AT_FDCWD, path.c_str(), W_OK);
  return static_cast<int>(-result);
}

}  // namespace

int write_refusal(std::string path) {
  while (true) {
    const int refusal = access_refusal(path);
    if (refusal != ENOENT || path.size() <= 1) return refusal;
    const auto parent = parent_path(path);
    path = parent.empty() ? "/" : std::string(parent);
  }
}

std::string first_line(const std::string& path) {
  const auto text = sys::read_file(path);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

}  // namespace berth::cgroup
