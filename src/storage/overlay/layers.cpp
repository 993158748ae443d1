// Runs in: host commands.
#include "storage/overlay/layers.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::storage::overlay {
namespace {

constexpr std::size_t kLongestValue = 255;  // of fsconfig(2)
constexpr std::string_view kUpperPlace = "/overlay/delta";

std::string directory_of(std::string_view path) { return std::string(path.substr(0, path.rfind('/'))); }

std::string escaped(std::string_view path) {
  std::string text;
  for (const char c : path) {
    if (c == ':' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  return text;
}

std::vector<std::string> pieces(std::string_view path) {
  std::vector<std::string> all(1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool escape = path[i] == '\\' && i + 1 < path.size() && (path[i + 1] == ':' || path[i + 1] == '\\');
    if (escape)
      all.back().push_back(path[++i]);
    else if (path[i] == ':')
      all.emplace_back();
    else
      all.back().push_back(path[i]);
  }
  return all;
}

std::string work_beside(std::string_view upper) {
  const std::string_view name = upper.substr(upper.rfind('/') + 1);
  return strings::cat(directory_of(upper), name == "delta0" ? "/olwork" : "/work");
}

// What a mount makes there: directories that nobody may enter.
Result<bool> is_the_kernels(const std::string& work, const std::string& name) {
  if (name != "work" && name != "index") return false;
  constexpr mode_t kPermissions = 07777;
  const auto info = TRY(sys::stat_link(strings::cat(work, "/", name)));
  return S_ISDIR(info.st_mode) && (info.st_mode & kPermissions) == 0;
}

Status check_lengths(const std::vector<std::pair<std::string, std::string>>& options) {
  for (const auto& [key, value] : options)
    if (value.size() > kLongestValue)
      return fail(Error::message(strings::cat("the path ", value, " is too long for the mount option ", key), ENAMETOOLONG)
                      .because("fsconfig(2) takes 255 bytes")
                      .hint("keep the containers in a directory with a shorter path, or make full copies"));
  return {};
}

}  // namespace

std::string Layers::owner() const {
  if (!upper.ends_with(kUpperPlace)) return {};
  return upper.substr(0, upper.size() - kUpperPlace.size());
}

std::string Layers::own_lower() const {
  const std::string container = owner();
  return !container.empty() && lowers.size() == 1 && lowers.front() == container + "/rootfs" ? lowers.front() : "";
}

Result<Layers> parse_layers(std::string_view path) {
  Layers layers;
  layers.lowers = pieces(path);
  const auto refuse = [&](std::string_view why) {
    return fail(Error::message(strings::cat("'", path, "' is no path of an overlay"))
                    .because(why)
                    .hint("correct lxc.rootfs.path: overlay:LOWER:UPPER, the upper layer last"));
  };
  if (layers.lowers.size() < 2) return refuse("it takes a lower and an upper layer with a colon between them");
  for (std::string& layer : layers.lowers) {
    layer = strings::trim_right(layer, "/");
    if (layer.empty() || layer.front() != '/') return refuse("each layer is an absolute path");
  }
  layers.upper = std::move(layers.lowers.back());
  layers.lowers.pop_back();
  layers.work = work_beside(layers.upper);
  return layers;
}

std::string layers_path(const std::vector<std::string>& lowers, const std::string& upper) {
  std::string path;
  for (const std::string& lower : lowers) path.append(escaped(lower)).push_back(':');
  return path.append(escaped(upper));
}

Result<bool> is_own_work(const Layers& layers) {
  if (!layers.owner().empty() || layers.upper.ends_with("/delta0")) return true;
  const auto entries = sys::list_directory(layers.work);
  if (!entries && entries.error().code() == ENOENT) return true;
  if (!entries && entries.error().code() == ENOTDIR) return false;
  if (!entries) return fail(entries.error());
  for (const auto& entry : *entries)
    if (!TRY(is_the_kernels(layers.work, entry.name))) return false;
  return true;
}

Status check_work(const Layers& layers) {
  if (TRY(is_own_work(layers))) return {};
  return fail(Error::message(strings::cat("the overlay needs ", layers.work, " for itself"), EEXIST)
                  .because("there are files in it, which it would lose")
                  .hint(strings::cat("move them away, or give ", layers.upper, " a directory of its own (lxc.rootfs.path)")));
}

std::string upper_in(std::string_view container) { return strings::cat(container, kUpperPlace); }

bool needs_user_attributes() {
  if (::geteuid() != 0) return true;
  const auto map = sys::read_file("/proc/self/uid_map");
  if (!map) return false;
  const auto words = strings::split_words(*map);
  return words.size() != 3 || words[0] != "0" || words[1] != "0" || words[2] != "4294967295";
}

Result<std::vector<std::pair<std::string, std::string>>> mount_options(const Layers& layers, Access access) {
  std::vector<std::string> lowers = layers.lowers;
  if (access == Access::kRead) lowers.insert(lowers.begin(), layers.upper);
  std::vector<std::string> values;
  for (const std::string& lower : lowers) values.push_back(escaped(lower));
  std::vector<std::pair<std::string, std::string>> options;
  const std::string all = strings::join(values, ":");
  if (all.size() <= kLongestValue)
    options.emplace_back("lowerdir", all);
  else  // Linux 6.7; not escaped
    for (const std::string& lower : lowers) options.emplace_back("lowerdir+", lower);
  if (access == Access::kWrite) {
    options.emplace_back("upperdir", escaped(layers.upper));
    options.emplace_back("workdir", escaped(layers.work));
  }
  if (needs_user_attributes()) options.emplace_back("userxattr", "");
  TRY(check_lengths(options));
  return options;
}

}  // namespace berth::storage::overlay
