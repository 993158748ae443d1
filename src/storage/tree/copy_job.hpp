// What the threads of one copy share.
#pragma once

#include <fcntl.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/tree/attributes.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/directories.hpp"
#include "storage/tree/file_data.hpp"
#include "storage/tree/hard_links.hpp"
#include "storage/tree/work_stack.hpp"

namespace berth::storage {

// Some entries of a directory; or all of it, which is not begun yet.
struct CopyPart {
  Directory* directory = nullptr;
  bool is_new = false;
  std::size_t begin = 0, end = 0;
};

// A file with more than one name gets its locks when it has all of them.
struct LateFlags {
  Directory* directory = nullptr;
  std::string name;
  unsigned flags = 0;
};

struct CopyJob {
  CopyJob(const std::string& shown, const IdShift& shift, Progress& progress, bool fills);

  const IdShift& shift;
  const bool fills;  // a directory that is there
  const uid_t user;  // new files belong to
  const gid_t group;
  const mode_t umask;
  CopyState state;
  Attributes attributes;
  Directories directories;
  HardLinks links;
  WorkStack<CopyPart> work;
  std::atomic<int> no_access_time{O_NOATIME};  // 0 when it is not allowed

  // Ends the work of all threads. The first Error stays.
  void fail_with(Error error);
  void set_late(Directory& directory, const std::string& name, unsigned flags);
  std::optional<Error> error;
  std::vector<LateFlags> late;

 private:
  std::mutex mutex_;
};

}  // namespace berth::storage
