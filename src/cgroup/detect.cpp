// Runs in: the caller. Finds the cgroup hierarchies of the host.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::cgroup {

namespace {

// A line of mountinfo; proc(5), proc_pid_mountinfo(5).
struct MountLine {
  unsigned id = 0, parent = 0;
  std::string_view root, point, type, options;
};

constexpr std::size_t kDeepestMountTree = 64;

// Cuts the next field off. Exactly one blank separates two; the source of a mount may be empty.
std::string_view take_field(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(field.size() + 1, line.size()));
  return field;
}

// A line has six fields, any number of optional ones, a dash, and three more.
std::optional<MountLine> parse_line(std::string_view line) {
  const auto id = strings::parse_number<unsigned>(take_field(line));
  const auto parent = strings::parse_number<unsigned>(take_field(line));
  if (!id || !parent) return std::nullopt;
  take_field(line);  // device
  MountLine mount{*id, *parent, take_field(line), take_field(line), {}, {}};
  take_field(line);  // options of the mount
  while (!line.empty() && take_field(line) != "-") continue;
  mount.type = take_field(line);
  take_field(line);  // source
  mount.options = take_field(line);
  if (mount.options.empty()) return std::nullopt;
  return mount;
}

// Blanks, newlines and backslashes are written as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digits = text.substr(i + 1, 3);
    const auto code = text[i] == '\\' && digits.size() == 3 ? strings::parse_number<unsigned char>(digits, 8) : std::nullopt;
    out.push_back(code ? static_cast<char>(*code) : text[i]);
    if (code) i += 3;
  }
  return out;
}

// The options of a v1 superblock are its controllers mixed with these (cgroups(7), kernel/cgroup/cgroup-v1.c's parameters).
bool is_controller(std::string_view option) {
  static constexpr std::array<std::string_view, 9> kOthers = {
      "rw", "ro", "xattr", "noprefix", "clone_children", "seclabel", "none", "favordynmods", "cpuset_v2_mode"};
  return std::ranges::find(kOthers, option) == kOthers.end() && !option.starts_with("release_agent=");
}

std::string controllers_of(std::string_view options) {
  std::vector<std::string> found;
  for (const auto option : strings::split_words(options, ",")) {
    if (is_controller(option)) found.emplace_back(option);
  }
  return strings::join(found, ",");
}

std::vector<unsigned> ancestors(const MountLine& mount, const std::vector<MountLine>& all) {
  std::vector<unsigned> chain = {mount.id};
  unsigned wanted = mount.parent;
  while (chain.size() < kDeepestMountTree) {
    const auto next = std::ranges::find(all, wanted, &MountLine::id);
    if (next == all.end() || next->id == next->parent) break;
    chain.push_back(next->id);
    wanted = next->parent;
  }
  return chain;
}

// Something was mounted over it, or over a directory that leads to it.
bool is_covered(const MountLine& mount, const std::vector<MountLine>& all) {
  const auto chain = ancestors(mount, all);
  const auto in_chain = [&](unsigned id) { return std::ranges::find(chain, id) != chain.end(); };
  return std::ranges::any_of(all, [&](const MountLine& other) {
    return is_within(mount.point, other.point) && !in_chain(other.id) && in_chain(other.parent);
  });
}

std::vector<MountLine> parse_lines(std::string_view mountinfo) {
  std::vector<MountLine> all;
  for (const auto text : strings::split_words(mountinfo, "\n")) {
    if (auto line = parse_line(text)) all.push_back(*line);
  }
  return all;
}

// The first mount of a hierarchy wins, unless only a later one shows it from its root.
void add(std::vector<Hierarchy>& found, Hierarchy hierarchy) {
  const auto same = std::ranges::find(found, hierarchy.controllers, &Hierarchy::controllers);
  if (same == found.end()) {
    found.push_back(std::move(hierarchy));
  } else if (same->root != "/" && hierarchy.root == "/") {
    *same = std::move(hierarchy);
  }
}

std::vector<std::string_view> sorted_words(std::string_view list) {
  auto words = strings::split_words(list, ",");
  std::ranges::sort(words);
  return words;
}

// The kernel may list the controllers of a hierarchy in two orders.
bool same_words(std::string_view a, std::string_view b) {
  return a == b || (a.size() == b.size() && sorted_words(a) == sorted_words(b));
}

std::string own_path_below(const Hierarchy& hierarchy, std::string_view path) {
  if (hierarchy.root != "/" && is_within(path, hierarchy.root)) path.remove_prefix(hierarchy.root.size());
  // A caller outside of its cgroup namespace's root is shown as "/../..": no path below the mount point leads there.
  return path.empty() || !path.starts_with('/') || climbs(path) ? "/" : std::string(path);
}

bool wanted(const Hierarchy& hierarchy, const std::vector<std::string>& use) {
  if (hierarchy.unified() || use.empty() || std::ranges::find(use, "@all") != use.end()) return true;
  return std::ranges::any_of(use, [&](const std::string& name) { return has_controller(hierarchy.controllers, name); });
}

bool host_has(const std::vector<Hierarchy>& all, std::string_view name) {
  return name == "@all" || std::ranges::any_of(all, [&](const Hierarchy& one) {
           if (!one.unified()) return has_controller(one.controllers, name);
           return has_controller(first_line(join_path(one.mount_point, "cgroup.controllers")), name);
         });
}

Layout layout_of(const std::vector<Hierarchy>& all) {
  if (all.empty()) return Layout::kNone;
  if (!all.back().unified()) return Layout::kV1;
  return all.size() == 1 ? Layout::kV2 : Layout::kHybrid;
}

}  // namespace

std::vector<Hierarchy> parse_mounts(std::string_view mountinfo) {
  const auto all = parse_lines(mountinfo);
  std::vector<Hierarchy> v1, unified;
  for (const auto& mount : all) {
    const bool is_v2 = mount.type == "cgroup2";
    if ((!is_v2 && mount.type != "cgroup") || is_covered(mount, all)) continue;
    Hierarchy found{is_v2 ? "" : controllers_of(mount.options), unescape(mount.point), "/", unescape(mount.root)};
    if (!is_v2 && found.controllers.empty()) continue;
    add(is_v2 ? unified : v1, std::move(found));
  }
  std::ranges::move(unified, std::back_inserter(v1));
  return v1;
}

void assign_own_paths(std::vector<Hierarchy>& hierarchies, std::string_view proc_cgroup) {
  for (const auto line : strings::split_words(proc_cgroup, "\n")) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    for (auto& hierarchy : hierarchies) {
      if (same_words(hierarchy.controllers, controllers)) hierarchy.own_path = own_path_below(hierarchy, line.substr(second + 1));
    }
  }
}

Result<Host> detect_host(const std::string& proc, const std::vector<std::string>& use) {
  Host host;
  host.privileged = sys::raw::call(SYS_geteuid) == 0;
  auto all = parse_mounts(TRY(sys::read_file(join_path(proc, "self/mountinfo"))));
  for (const auto& name : use) {
    if (host_has(all, name)) continue;
    return fail(Error::message(strings::cat("no cgroup hierarchy of this host has the controller '", name, "'"))
                    .context("reading lxc.cgroup.use")
                    .hint("remove it from lxc.cgroup.use in lxc.conf, or mount its hierarchy"));
  }
  std::erase_if(all, [&](const Hierarchy& one) { return !wanted(one, use); });
  host.layout = layout_of(all);
  // Absent when the kernel was built without cgroups, and then nothing is mounted either.
  if (!all.empty()) assign_own_paths(all, TRY(sys::read_file(join_path(proc, "self/cgroup"))));
  host.hierarchies = std::move(all);
  return host;
}

}  // namespace berth::cgroup
