// Runs in: the caller, while planning. Reads only.
#include "cgroup/v2.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

constexpr std::string_view kControl = "cgroup.subtree_control";

// The groups whose children the payload is or descends from, the base first.
std::vector<std::string> chain_to(const std::string& base, const std::string& payload) {
  std::vector<std::string> chain = {base};
  const auto start = base == "/" ? std::size_t{0} : base.size();
  for (auto end = payload.find('/', start + 1); end != std::string::npos; end = payload.find('/', end + 1)) {
    chain.push_back(payload.substr(0, end));
  }
  return chain;
}

bool is_new(const std::string& directory, const Placement& placement) {
  return std::ranges::find(placement.make, directory) != placement.make.end();
}

}  // namespace

std::string available_controllers(const Base& base) { return first_line(join_path(base.directory, "cgroup.controllers")); }

std::vector<Write> enable_controllers(const Base& base, const Placement& placement, const std::vector<std::string>& needed,
                                      const std::vector<std::string>& others) {
  std::vector<Write> writes;
  if (needed.empty() && others.empty()) return writes;
  for (const auto& directory : chain_to(base.directory, placement.payload)) {
    const auto path = join_path(directory, kControl);
    const auto enabled = is_new(directory, placement) ? std::string() : first_line(path);
    const auto add = [&](const std::string& controller, bool may_fail) {
      if (!has_controller(enabled, controller)) writes.push_back({path, "+" + controller, {}, false, may_fail});
    };
    for (const auto& controller : needed) add(controller, false);
    for (const auto& controller : others) add(controller, true);
  }
  return writes;
}

std::vector<std::string> v2_delegated_files(const std::string& list) {
  std::vector<std::string> files = {"cgroup.procs", "cgroup.threads", std::string(kControl), "memory.oom.group"};
  const auto text = sys::read_file(list).value_or("");
  for (const auto word : strings::split_words(text)) {
    const bool plain = word.find('/') == std::string_view::npos && word != "." && word != "..";
    if (plain && std::ranges::find(files, word) == files.end()) files.emplace_back(word);
  }
  return files;
}

}  // namespace berth::cgroup
