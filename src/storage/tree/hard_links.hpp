// Files of a tree that have more than one name, while the tree is copied.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>

namespace berth::storage {

class HardLinks {
 public:
  // The path below the top of the copy that this file has already; nullptr when it has none yet.
  const std::string* find(const struct ::stat& info) const {
    const auto found = paths_.find({info.st_dev, info.st_ino});
    return found == paths_.end() ? nullptr : &found->second;
  }
  void remember(const struct ::stat& info, std::string path) {
    paths_.emplace(std::pair{info.st_dev, info.st_ino}, std::move(path));
  }

 private:
  std::map<std::pair<dev_t, ino_t>, std::string> paths_;
};

// linkat(2) of `path` below `top`, which may be longer than the kernel takes at once. 0, or -errno.
long link_below(int top, const std::string& path, int directory, const std::string& name);

}  // namespace berth::storage
