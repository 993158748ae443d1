// Runs in: host commands that copy a container.
#include "storage/tree/directories.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/strings.hpp"
#include "storage/tree/kernel_call.hpp"
#include "sys/features.hpp"

namespace berth::storage {
namespace {

constexpr std::size_t kMostOpen = 64;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

FileIdentity identity_of(const struct ::stat& info) { return {info.st_dev, info.st_ino}; }

Result<struct ::stat> about(int fd, std::string_view path) {
  struct ::stat info{};
  TRY(check(retried(SYS_fstat, fd, &info), "fstat", path));
  return info;
}

}  // namespace

Result<Fd> open_on_mount(int directory, const std::string& name, int flags, dev_t device) {
  constexpr std::uint64_t kResolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  if (sys::has(sys::Feature::kOpenat2)) return sys::open_at2(directory, name, flags, 0, kResolve);
  Fd fd = TRY(sys::open_at(directory, name, flags));
  if (TRY(about(fd.get(), name)).st_dev != device) return fail("something is mounted there", EXDEV);
  return fd;
}

Directory& Directories::set_top(Fd from, Fd to, const struct ::stat& info) {
  Directory& top = all_.emplace_back();
  top.self = all_.begin();
  top.info = info;
  top.from = std::move(from);
  top.to = std::move(to);
  top.below = 1;  // never forgotten
  top.users = 1;
  return top;
}

Directory& Directories::add(Directory& above, std::string name, Fd from, const struct ::stat& info) {
  const std::scoped_lock lock(mutex_);
  Directory& directory = all_.emplace_back();
  directory.self = std::prev(all_.end());
  directory.above = &above;
  directory.depth = above.depth + 1;
  directory.name = std::move(name);
  directory.info = info;
  directory.from = std::move(from);
  directory.users = 1;
  ++above.below;
  ++above.users;  // from where its copy is opened
  open_.push_back(&directory);
  close_some();
  return directory;
}

void Directories::add_users(Directory& directory, std::size_t count) {
  const std::scoped_lock lock(mutex_);
  directory.users += static_cast<unsigned>(count);
}

void Directories::keep(Directory& directory) {
  const std::scoped_lock lock(mutex_);
  ++directory.below;
}

void Directories::done(Directory& directory) {
  const std::scoped_lock lock(mutex_);
  --directory.users;
  forget(&directory);
}

void Directories::unpin(Directory& directory) {
  const std::scoped_lock lock(mutex_);
  --directory.pins;
  forget(&directory);
}

// Closes it when nobody needs it open; takes it and those above out of memory when nothing needs them at all. Not by recursion:
// a tree may be deeper than a stack.
void Directories::forget(Directory* directory) {
  while (directory != &all_.front() && directory->users == 0 && directory->pins == 0) {
    std::erase(open_, directory);
    directory->from.reset();
    directory->to.reset();
    if (directory->below != 0) return;
    Directory* above = directory->above;
    all_.erase(directory->self);
    --above->below;
    directory = above;
  }
}

// The oldest first: work goes on with what was found last.
void Directories::close_some() {
  for (auto at = open_.begin(); at != open_.end() && open_.size() > kMostOpen;) {
    if ((*at)->pins != 0) {
      ++at;
      continue;
    }
    (*at)->from.reset();
    (*at)->to.reset();
    at = open_.erase(at);
  }
}

Result<Directories::Pin> Directories::pin(Directory& directory, const Directory* near) {
  const std::scoped_lock lock(mutex_);
  TRY(open(directory, near != nullptr && near->vanished ? nullptr : near));
  ++directory.pins;
  return Pin(*this, directory);
}

Status Directories::open(Directory& directory, const Directory* near) {
  if (directory.from.valid() && directory.to.valid()) return {};
  ++directory.pins;  // not closed meanwhile
  const bool begins = directory.copy_info.st_ino == 0;
  Status outcome = open_side(directory, &Directory::to, near);
  if (outcome && begins) outcome = learn_copy(directory);
  if (outcome && !directory.vanished) {
    outcome = open_side(directory, &Directory::from, near);
    directory.vanished = !outcome && outcome.error().code() == ENOENT;
    if (directory.vanished) outcome = {};
  }
  --directory.pins;
  if (std::ranges::find(open_, &directory) == open_.end() && &directory != &all_.front()) open_.push_back(&directory);
  if (outcome && begins && directory.above != nullptr) {
    --directory.above->users;  // the one that add() gave
    forget(directory.above);
  }
  close_some();
  return outcome;
}

Status Directories::learn_copy(Directory& directory) {
  directory.copy_info = TRY(about(directory.to.get(), path(directory)));
  return {};
}

Status Directories::open_side(Directory& directory, Side side, const Directory* near) {
  if ((directory.*side).valid()) return {};
  auto fd = walk(directory, side, near);
  // Only the one near it may have gone.
  if (!fd && near != nullptr && fd.error().code() == lost(directory, side).code()) fd = walk(directory, side, nullptr);
  if (!fd) return fail(std::move(fd.error()));
  const auto info = TRY(about(fd->get(), path(directory)));
  const struct ::stat& known = side == &Directory::from ? directory.info : directory.copy_info;
  if (known.st_ino != 0 && identity_of(info) != identity_of(known)) return fail(lost(directory, side));
  directory.*side = std::move(*fd);
  return {};
}

// Up by ".." from `near` to the directory that has both below it, then down by names; or down from an open one that comes before.
Result<Fd> Directories::walk(Directory& directory, Side side, const Directory* near) {
  std::vector<const Directory*> down;
  const Directory* at = &directory;
  const Directory* other = near;
  unsigned up = 0;
  while (!(at->*side).valid() && at != other) {
    const bool climbs = other == nullptr || at->depth >= other->depth;
    if (other != nullptr && other->depth >= at->depth) {
      other = other->above;
      ++up;
    }
    if (!climbs) continue;
    down.push_back(at);
    at = at->above;
  }
  Fd owner;
  int from = ((at->*side).valid() ? at->*side : near->*side).get();
  if (!(at->*side).valid()) {
    for (; up != 0; --up) {
      owner = TRY(opened(sys::open_at(from, "..", kDirectory), *at, side));
      from = owner.get();
    }
    const struct ::stat& known = side == &Directory::from ? at->info : at->copy_info;
    if (identity_of(TRY(about(from, path(*at)))) != identity_of(known)) return fail(lost(*at, side));
  }
  for (; !down.empty(); down.pop_back()) {
    const Directory& next = *down.back();
    owner = TRY(opened(side == &Directory::from ? open_on_mount(from, next.name, kDirectory, all_.front().info.st_dev)
                                                : sys::open_at(from, next.name, kDirectory),
                       next, side));
    from = owner.get();
  }
  return owner;
}

// Something else has its name, or nothing: gone, as its inode number says. Whatever else is the matter is told.
Result<Fd> Directories::opened(Result<Fd> fd, const Directory& directory, Side side) const {
  if (fd) return fd;
  const int code = fd.error().code();
  const bool is_gone = code == ENOENT || code == ENOTDIR || code == ELOOP;
  return fail(is_gone ? lost(directory, side) : Error::from_errno(code, "open", path(directory)));
}

// From the source: it vanished, by a code that open() knows. From the copy nobody else takes anything.
Error Directories::lost(const Directory& directory, Side side) const {
  if (side == &Directory::from) return Error::from_errno(ENOENT, "open", path(directory));
  return Error::message(strings::cat("the directory ", path(directory), " of the copy was moved while it was made"), EAGAIN)
      .hint("copy again");
}

std::string Directories::relative(const Directory& directory, std::string_view name) {
  std::vector<const Directory*> names;
  for (const Directory* at = &directory; at->above != nullptr; at = at->above) names.push_back(at);
  std::string path;
  for (; !names.empty(); names.pop_back()) path.append(names.back()->name).append("/");
  if (name.empty() && !path.empty()) path.pop_back();
  return path.append(name);
}

std::string Directories::path(const Directory& directory) const {
  return directory.above == nullptr ? shown_ : strings::cat(shown_, "/", relative(directory));
}

}  // namespace berth::storage
