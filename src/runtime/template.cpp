// Runs in: the command lxc-create and library callers.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "base/strings.hpp"
#include "runtime/create.hpp"
#include "runtime/programs.hpp"
#include "sys/file.hpp"

#ifndef BERTH_DATADIR
#define BERTH_DATADIR "/usr/share"
#endif

namespace berth::runtime {
namespace {

inline constexpr std::string_view kPrefix = "lxc-";

bool is_program(const std::string& path) {
  const auto info = sys::stat(path);
  return info && S_ISREG(info->st_mode) && (info->st_mode & 0111) != 0;
}

// Beside the running program or library first (BUILD/bin and BUILD/share; PREFIX/bin and PREFIX/share/lxc), then where berth was
// to be installed, then LXC's own.
std::vector<std::string> template_directories() {
  std::vector<std::string> result;
  if (const std::string bin = own_directory(); !bin.empty()) {
    const std::string prefix = bin.substr(0, bin.rfind('/'));
    result.push_back(prefix + "/share/templates");
    result.push_back(prefix + "/share/lxc/templates");
  }
  for (const char* standard : {BERTH_DATADIR "/lxc/templates", "/usr/share/lxc/templates"}) {
    if (std::ranges::find(result, standard) == result.end()) result.emplace_back(standard);
  }
  return result;
}

std::vector<std::string> known_templates() {
  std::vector<std::string> names;
  for (const auto& directory : template_directories()) {
    const auto entries = sys::list_directory(directory);
    if (!entries) continue;
    for (const auto& entry : *entries)
      if (entry.name.starts_with(kPrefix)) names.push_back(entry.name.substr(kPrefix.size()));
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::unexpected<Error> not_found(const std::string& name) {
  const auto known = known_templates();
  const std::vector<std::string_view> views(known.begin(), known.end());
  std::string hint = strings::cat("one of: ", strings::join(known, " "), ", none; or the absolute path of a template program");
  if (const auto near = strings::nearest(name, views)) hint = strings::cat("did you mean '", *near, "'? Else ", hint);
  return fail(Error::message(strings::cat("there is no template '", name, "'"), ENOENT)
                  .because(strings::cat("no lxc-", name, " in ", strings::join(template_directories(), ", ")))
                  .hint(hint));
}

}  // namespace

Result<std::string> find_template(const std::string& name) {
  if (name.starts_with('/')) {
    if (is_program(name)) return name;
    return fail(Error::message(strings::cat("the template '", name, "' is not an executable file"), ENOENT)
                    .hint("name a program that takes --name, --path and --rootfs"));
  }
  if (name.empty() || name.find('/') != std::string::npos)
    return fail(Error::message(strings::cat("'", name, "' names no template"))
                    .hint("a template is given by its name or by an absolute path"));
  for (const auto& directory : template_directories()) {
    std::string path = strings::cat(directory, "/", kPrefix, name);
    if (is_program(path)) return path;
  }
  return not_found(name);
}

}  // namespace berth::runtime
