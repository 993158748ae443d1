// Runs in: host commands.
#include "storage/tree/measure_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <vector>

#include "base/strings.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage {
namespace {

constexpr std::uint64_t kBlock = 512;  // of st_blocks
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

class Measurer {
 public:
  Result<std::uint64_t> run(const std::string& path) {
    const Fd top = TRY(sys::open(path, kDirectory & ~O_NOFOLLOW));
    // One directory is open at a time, found by its path below the first: the depth costs no descriptors.
    waiting_.emplace_back();
    while (!waiting_.empty()) {
      const std::string next = std::move(waiting_.back());
      waiting_.pop_back();
      TRY(add(top.get(), next));
    }
    return bytes_;
  }

 private:
  Status add(int top, const std::string& path) {
    constexpr std::uint64_t kResolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    const std::string name = path.empty() ? "." : path;
    auto directory = sys::has(sys::Feature::kOpenat2) ? sys::open_at2(top, name, kDirectory, 0, kResolve)
                                                      : sys::open_at(top, name, kDirectory);
    if (!directory) return is_gone(directory.error().code()) ? Status{} : fail(std::move(directory.error()));
    count(TRY(sys::stat_fd(directory->get())));
    for (const auto& entry : TRY(sys::list_directory_fd(directory->get(), name))) {
      struct ::stat info{};
      if (sys::raw::call(SYS_newfstatat, directory->get(), entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) continue;
      if (!S_ISDIR(info.st_mode))
        count(info);
      else
        waiting_.push_back(path.empty() ? entry.name : strings::cat(path, "/", entry.name));
    }
    return {};
  }

  // Vanished or replaced meanwhile, or something is mounted there.
  static bool is_gone(int code) { return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EXDEV; }

  void count(const struct ::stat& info) {
    if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) && !seen_.emplace(info.st_dev, info.st_ino).second) return;
    bytes_ += static_cast<std::uint64_t>(info.st_blocks) * kBlock;
  }

  std::uint64_t bytes_ = 0;
  std::vector<std::string> waiting_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

Result<std::uint64_t> measure_tree(const std::string& path) { return Measurer().run(path); }

}  // namespace berth::storage
