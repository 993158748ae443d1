// Runs in: host commands that copy a container.
#include "storage/tree/hard_links.hpp"

#include <fcntl.h>

#include "base/fd.hpp"
#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

constexpr std::size_t kPart = 3000;  // below PATH_MAX with the longest name added

}  // namespace

HardLinks::Claim HardLinks::claim(const InodeIdentity& file, Place& place) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto [at, is_first] = places_.try_emplace(file);
    if (is_first) return {*this, file};
    if (at->second.directory != nullptr) {
      place = at->second;
      return {};
    }
    changed_.wait(lock);
  }
}

void HardLinks::Claim::made(Directory& directory, const std::string& name) {
  if (links_ == nullptr) return;
  links_->directories_.keep(directory);
  {
    const std::scoped_lock lock(links_->mutex_);
    links_->places_[file_] = {&directory, name};
  }
  links_->changed_.notify_all();
  links_ = nullptr;
}

HardLinks::Claim::~Claim() {
  if (links_ == nullptr) return;
  {
    const std::scoped_lock lock(links_->mutex_);
    links_->places_.erase(file_);
  }
  links_->changed_.notify_all();
}

long link_below(int top, const std::string& path, int directory, const std::string& name) {
  std::string rest = path;
  Fd owner;
  int from = top;
  while (rest.size() > kPart) {
    const std::size_t slash = rest.rfind('/', kPart);
    if (slash == std::string::npos) return -ENAMETOOLONG;
    const long fd = retried(SYS_openat, from, rest.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fd;
    owner = Fd(static_cast<int>(fd));
    from = owner.get();
    rest.erase(0, slash + 1);
  }
  return retried(SYS_linkat, from, rest.c_str(), directory, name.c_str(), 0);
}

}  // namespace berth::storage
