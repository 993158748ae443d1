// Runs in: the commands that remove or copy a container.
#include "runtime/root_owner.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/strings.hpp"
#include "config/parser.hpp"
#include "os/paths.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/root_directories.hpp"
#include "storage/nbd/device.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

bool is_absent(const Error& error) { return error.code() == ENOENT || error.code() == ENOTDIR; }

// --- where a path leads ----------------------------------------------------------------------------------------------------
struct Place {
  std::string path;  // without links
  struct ::stat about;
};

// Two nodes of one device are the same too.
bool same(const struct ::stat& a, const struct ::stat& b) {
  if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode)) return a.st_rdev == b.st_rdev;
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool has(const std::vector<Place>& places, const struct ::stat& about) {
  return std::ranges::any_of(places, [&](const Place& one) { return same(one.about, about); });
}

// Error ENOENT: something on the way was removed or moved since it was found.
Result<std::vector<Place>> places_above(const Fd& found) {
  std::vector<Place> places;
  std::string at = TRY(sys::read_link(strings::cat("/proc/self/fd/", found.get())));
  for (;; at = std::string(os::parent(at))) {
    places.push_back({at, TRY(sys::stat(at))});
    if (at == "/") return places;
  }
}

// What is there at `path`, or nearest above it, then all that holds it, "/" last. Others come and go: each of them costs a look.
Result<std::vector<Place>> way_up(const std::string& path) {
  constexpr int kMostLooks = 100;
  for (int look = 1;; ++look) {
    std::string at = path;
    auto found = sys::open(at, O_PATH);
    for (; !found && is_absent(found.error()) && at != "/"; found = sys::open(at, O_PATH)) at = std::string(os::parent(at));
    if (!found) return fail(std::move(found.error()));
    auto places = places_above(*found);
    if (places || !is_absent(places.error()) || look == kMostLooks) return places;
  }
}

bool is_path(const config::Conf& conf) { return conf.rootfs.path.starts_with('/'); }

// --- other containers --------------------------------------------------------------------------------------------------------
// Many programs have a file of that name: only one that says what a container is makes its directory one.
bool has_configuration(const std::string& directory) {
  const auto info = sys::stat(directory + "/config");
  if (!info || !S_ISREG(info->st_mode)) return false;
  const auto text = sys::read_file(directory + "/config");
  if (!text || text->empty()) return true;
  const auto lines = strings::split(*text, '\n');
  return std::ranges::any_of(lines, [](std::string_view line) { return strings::trim(line).starts_with("lxc."); });
}

Error belongs_to_another(const config::Conf& conf, const std::string& owner, bool itself) {
  return Error::message("the root file system lies in another container's directory", EBUSY)
      .because(strings::cat(conf.rootfs.path, itself ? " is " : " is below ", owner))
      .hint("repair lxc.rootfs.path, or set lxc.rootfs.managed = 0 to keep what is there")
      .set_by(conf.origin("lxc.rootfs.path"));
}

// A configuration that names "/" or a directory above the container as its root must not cost the host its files.
Status check_is_below(const Container& container, const config::Conf& conf, const std::string& root) {
  const auto about = sys::stat(root);
  if (!about && is_absent(about.error())) return {};
  if (!about) return fail(about.error());
  for (const Place& place : TRY(way_up(container.directory())))
    if (same(place.about, *about))
      return fail(Error::message("the root file system holds more than this container", EBUSY)
                      .because(strings::cat(conf.rootfs.path, " is ", place.path == "/" ? "the host's root" : place.path))
                      .hint("set lxc.rootfs.managed = 0 to keep it")
                      .set_by(conf.origin("lxc.rootfs.path")));
  return {};
}

// What lies in the container's directory is its own, whatever the files of the root are called.
Status check_is_no_others(const Container& container, const config::Conf& conf, const std::string& root) {
  const auto places = TRY(way_up(root));
  const auto own = sys::stat(container.directory());
  for (const Place& place : places) {
    if (own && same(place.about, *own)) return {};
    const bool itself = place.path == places.front().path;
    const bool content = itself && own && has(places, *own);  // it says what the guest likes
    if (!content && has_configuration(place.path)) return fail(belongs_to_another(conf, place.path, itself));
  }
  return {};
}

// What goes with the container: the upper one of several layers, and a lower one that is made with it.
std::vector<std::string> own_layers(const config::Conf& conf) {
  const auto layers = root_directories(conf.rootfs.path);
  std::vector<std::string> own{layers.back()};
  const std::string beside = strings::cat(os::parent(os::parent(own.front())), "/rootfs");
  if (layers.size() == 2 && layers.front() == beside && own.front().ends_with("/overlay/delta")) own.push_back(beside);
  return own;
}

// The image of FILE:PARTITION is used as a whole.
void add_image(const config::RootfsConf& rootfs, std::vector<std::string>& layers) {
  if (rootfs.type == "nbd") layers.push_back(os::normalise(storage::nbd::parse_path(rootfs.path).file));
}

// What the text says of the root by itself.
struct RootText {
  std::string value;  // the last of lxc.rootfs.path; empty: none
  bool includes = false;
};

RootText root_in(std::string_view text) {
  RootText root;
  for (const std::string_view line : strings::split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals == line.npos) continue;
    const auto key = strings::trim(line.substr(0, equals));
    if (key == "lxc.rootfs.path" || key == "lxc.rootfs") root.value = strings::trim(line.substr(equals + 1));
    root.includes = root.includes || key == "lxc.include";
  }
  return root;
}

// Empty: no container has it. Strangers keep all kinds of things in an lxcpath, also under that name.
Result<std::string> read_configuration(const std::string& path) {
  const auto is_strange = [](const Error& error) { return is_absent(error) || error.code() == ELOOP || error.code() == ENXIO; };
  const auto about = sys::stat(path);
  if (!about && is_strange(about.error())) return std::string{};
  if (!about) return fail(about.error());
  if (!S_ISREG(about->st_mode)) return std::string{};
  const auto file = sys::open(path, O_RDONLY | O_NONBLOCK);
  if (!file && is_strange(file.error())) return std::string{};
  if (!file) return fail(file.error());
  if (!S_ISREG(TRY(sys::stat_fd(file->get())).st_mode)) return std::string{};
  return sys::read_all(file->get(), path);
}

// The root that `other` names; an empty path: none. A slip elsewhere in a text without includes hides nothing of it.
Result<config::RootfsConf> root_of(const Container& other) {
  const RootText root = root_in(TRY(read_configuration(other.directory() + "/config")));
  if (root.includes) return TRY(other.load()).rootfs;
  config::Conf conf;
  if (root.value.empty() || config::set_item(conf, "lxc.rootfs.path", root.value)) return conf.rootfs;
  conf.rootfs.path = root.value;
  return conf.rootfs;
}

// `layer`, of another container, is in what is going to be removed. By its name alone in a pool, where a dataset holds those
// below.
Result<bool> goes_too(const std::string& layer, const std::vector<std::string>& going) {
  for (const std::string& path : going) {
    if (os::is_below(layer, path)) return true;
    if (TRY(lies_in(layer, path))) return true;
  }
  return false;
}

Error cannot_tell(Error error, const Container& other) {
  const std::string file = other.directory() + "/config";
  return std::move(error)
      .context(strings::cat("cannot tell whether ", file, " uses it"))
      .hint(strings::cat("repair that configuration, or move it away if it is no container's: ", file));
}

Status check_is_not_used_by(const Container& other, const config::Conf& conf, const std::vector<std::string>& going) {
  auto root = root_of(other);
  if (!root && !other.defined()) return {};  // it has been destroyed meanwhile
  if (!root) return fail(cannot_tell(std::move(root.error()), other));
  if (root->path.empty()) return {};
  auto layers = root_directories(root->path);
  add_image(*root, layers);
  for (const std::string& layer : layers) {
    auto goes = goes_too(layer, going);
    if (!goes) return fail(cannot_tell(std::move(goes.error()), other));
    if (*goes)
      return fail(Error::message("another container uses the root file system", EBUSY)
                      .because(strings::cat(other.directory(), "/config: lxc.rootfs.path = ", root->path))
                      .hint("destroy that container first, or repair its lxc.rootfs.path; lxc.rootfs.managed = 0 keeps the root")
                      .set_by(conf.origin("lxc.rootfs.path")));
  }
  return {};
}

bool is_there(const Container& container, const struct ::stat& directory) {
  const auto info = sys::stat(container.directory());
  return info && same(*info, directory);
}

// Neither the root nor the container's directory is a part of what others of the same lxcpath run in.
Status check_is_unshared(const Container& container, const config::Conf& conf, std::span<const Container> gone) {
  std::vector<std::string> going{os::normalise(container.directory())};
  if (conf.rootfs.managed && !conf.rootfs.path.empty()) {
    std::ranges::copy(own_layers(conf), std::back_inserter(going));
    add_image(conf.rootfs, going);
  }
  const auto own = sys::stat(container.directory());
  for (const auto& entry : TRY(sys::list_directory(container.lxcpath()))) {
    const auto other = Container::open(entry.name, container.lxcpath());
    if (!other) continue;  // no name of a container
    const auto info = sys::stat(other->directory());
    if (!info || !S_ISDIR(info->st_mode) || (own && same(*own, *info))) continue;
    if (std::ranges::any_of(gone, [&](const Container& one) { return is_there(one, *info); })) continue;
    if (root_is_gone(*other).value_or(false)) continue;  // the rest of a destroy that was killed
    TRY_CONTEXT(check_is_not_used_by(*other, conf, going), "cannot remove the root file system");
  }
  return {};
}

// --- what stays ----------------------------------------------------------------------------------------------------------------
// FILE:PARTITION too is in the entry FILE.
std::vector<std::string> layers_and_files(const config::Conf& conf) {
  auto layers = root_directories(conf.rootfs.path);
  for (std::size_t i = 0, count = layers.size(); i < count; ++i)
    if (const auto colon = layers[i].rfind(':'); colon != std::string::npos) layers.push_back(layers[i].substr(0, colon));
  return layers;
}

// All that the way to `layer` goes through, as it is written and as its links lead.
Result<std::vector<Place>> way_to(const std::string& layer) {
  std::vector<Place> all;
  for (std::string at = layer;; at = std::string(os::parent(at))) {
    std::ranges::move(TRY(way_up(at)), std::back_inserter(all));
    if (at == "/") return all;
  }
}

bool has_dots(std::string_view path) {
  const auto parts = strings::split(path, '/');
  return std::ranges::find(parts, "..") != parts.end();
}

// An entry is held by its name, as the layer's path has it, or by what is there.
bool leads_to(const std::string& entry, const std::string& layer, const std::vector<Place>& way) {
  if (os::is_below(layer, os::normalise(entry))) return true;
  const auto info = sys::stat(entry);
  return info && has(way, *info);
}

Status add_entries(const Container& container, const std::string& layer, std::vector<std::string>& kept) {
  const auto own = TRY(sys::stat(container.directory()));
  const auto way = TRY(way_to(layer));
  const auto root = sys::stat(layer);
  const bool all = root && same(*root, own);
  for (const auto& entry : TRY(sys::list_directory(container.directory())))
    if (all || leads_to(strings::cat(container.directory(), "/", entry.name), layer, way)) kept.push_back(entry.name);
  return {};
}

}  // namespace

Result<bool> lies_in(const std::string& path, const std::string& directory) {
  const auto about = sys::stat(directory);
  if (!about && is_absent(about.error())) return false;
  if (!about) return fail(about.error());
  return has(TRY(way_up(path)), *about);
}

Status check_root_is_own(const Container& container, const config::Conf& conf, std::span<const Container> gone) {
  const bool goes = conf.rootfs.managed && is_path(conf);
  if (goes)
    for (const std::string& layer : own_layers(conf)) {
      TRY(check_is_below(container, conf, layer));
      TRY(check_is_no_others(container, conf, layer));
    }
  return check_is_unshared(container, conf, gone);
}

Result<std::vector<std::string>> unmanaged_entries(const Container& container, const config::Conf& conf) {
  std::vector<std::string> kept;
  if (conf.rootfs.managed || !is_path(conf)) return kept;
  if (has_dots(conf.rootfs.path))
    return fail(Error::message("cannot tell which files belong to the root that is to be kept", EINVAL)
                    .because(strings::cat(conf.rootfs.path, " has '..' in it"))
                    .hint("write lxc.rootfs.path without it")
                    .set_by(conf.origin("lxc.rootfs.path")));
  for (const std::string& layer : layers_and_files(conf)) TRY(add_entries(container, layer, kept));
  return kept;
}

}  // namespace berth::runtime
