// Runs in: every process on the host's side.
#include "os/paths.hpp"

#include <vector>

#include "base/strings.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

std::vector<std::string_view> clean_components(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view component : strings::split_words(path, "/")) {
    if (component == ".") continue;
    if (component != "..")
      kept.push_back(component);
    else if (!kept.empty())
      kept.pop_back();
  }
  return kept;
}

std::unexpected<Error> at(const Error& error, std::string_view path) {
  Error named = Error::from_errno(error.code(), error.operation(), path);
  if (error.code() == ELOOP || error.code() == ENOTDIR) {
    named = std::move(named).because("this kernel lacks openat2, so no component may be a symbolic link");
  }
  return fail(std::move(named));
}

// O_PATH|O_NOFOLLOW opens a link itself, where the caller expects what it points to.
Status refuse_link(int fd, std::string_view path) {
  const struct ::stat info = TRY(sys::stat_fd(fd));
  if (S_ISLNK(info.st_mode)) return at(Error::from_errno(ELOOP, "open"), path);
  return {};
}

// Without openat2 (Linux 5.6): since no link is ever followed, ".." can be taken out by text beforehand.
Result<Fd> walk(int root, std::string_view path, int flags, mode_t mode) {
  const std::vector<std::string_view> components = clean_components(path);
  if (components.empty()) return sys::open_at(root, ".", flags | O_NOFOLLOW, mode);
  Fd held;
  int dir = root;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    Result<Fd> next = sys::open_at(dir, std::string(components[i]), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!next) return at(next.error(), path);
    held = std::move(*next);
    dir = held.get();
  }
  Result<Fd> last = sys::open_at(dir, std::string(components.back()), flags | O_NOFOLLOW, mode);
  if (!last) return at(last.error(), path);
  if ((flags & O_PATH) != 0 && (flags & O_NOFOLLOW) == 0) TRY(refuse_link(last->get(), path));
  return last;
}

}  // namespace

std::string normalise(std::string_view path) {
  std::string out;
  for (const std::string_view component : clean_components(path)) out.append("/").append(component);
  return out.empty() ? "/" : out;
}

std::string join(std::string_view left, std::string_view right) {
  if (left.empty()) return std::string(right);
  if (right.empty()) return std::string(left);
  const std::string_view below = strings::trim_left(right, "/");
  return left.back() == '/' ? strings::cat(strings::trim_right(left, "/"), '/', below) : strings::cat(left, '/', below);
}

std::string_view strip_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

std::string_view parent(std::string_view path) {
  path = strip_trailing_slashes(path);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? path.substr(0, 1) : strip_trailing_slashes(path.substr(0, slash));
}

std::string_view last_component(std::string_view path) {
  path = strip_trailing_slashes(path);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

Result<Fd> open_below(int root, std::string_view path, int flags, mode_t mode, std::uint64_t resolve) {
  if (!sys::has(sys::Feature::kOpenat2)) return walk(root, path, flags, mode);
  return sys::open_at2(root, std::string(path), flags, mode, resolve | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

}  // namespace berth::os
