// Runs in: host commands.
#include "os/descendants.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

struct Process {
  pid_t pid, parent;
};

// "PID (NAME) STATE PARENT ...": the name may hold anything.
std::optional<Process> read_process(const std::string& pid) {
  const auto number = strings::parse_number<pid_t>(pid);
  const auto text = number ? sys::read_file(strings::cat("/proc/", pid, "/stat")) : Result<std::string>();
  if (!number || !text || text->rfind(')') == text->npos) return std::nullopt;
  const auto words = strings::split_words(std::string_view(*text).substr(text->rfind(')') + 1));
  if (words.size() < 2 || words[0] == "Z" || words[0] == "X") return std::nullopt;
  const auto parent = strings::parse_number<pid_t>(words[1]);
  return parent ? std::optional(Process{*number, *parent}) : std::nullopt;
}

}  // namespace

std::vector<pid_t> descendants(pid_t pid) {
  std::vector<Process> all;
  const auto entries = sys::list_directory("/proc");
  if (!entries) return {};
  for (const auto& entry : *entries)
    if (const auto process = read_process(entry.name)) all.push_back(*process);
  std::vector<pid_t> found;
  for (std::size_t next = 0; next <= found.size(); ++next) {
    const pid_t parent = next == 0 ? pid : found[next - 1];
    for (const Process& process : all)
      if (process.parent == parent && std::ranges::find(found, process.pid) == found.end()) found.push_back(process.pid);
  }
  return found;
}

}  // namespace berth::os
