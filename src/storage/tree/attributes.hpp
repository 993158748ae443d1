// What a file has beside its data: owner, extended attributes, permissions, times.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "storage/tree/id_shift.hpp"

namespace berth::storage {

// What a new file has already, so that nothing is said twice to the kernel.
struct Born {
  bool owner_known = false;  // whether `user` and `group` are its owners
  uid_t user = 0;
  gid_t group = 0;
  bool mode_known = false;  // whether `mode` are its permissions
  mode_t mode = 0;
};

class Attributes {
 public:
  explicit Attributes(const IdShift& shift) : shift_(shift) {}

  // Gives `to` what `from` has: owner and times by `info`, all extended attributes (access lists and file capabilities are some),
  // the permissions after them, because a change of owner takes set-id bits and capabilities away. `path` is for messages.
  // Error: the file system does not take an attribute (named).
  Status copy(int from, int to, const struct ::stat& info, const Born& born, std::string_view path) const;
  // The same for what can't be opened (a link, a node, a socket): the entry `name` of both directories. The one in
  // `to_directory` must have been made by the caller, in a directory that nobody else can write to.
  Status copy_entry(int from_directory, int to_directory, const std::string& name, const struct ::stat& info,
                    std::string_view path) const;

 private:
  template <typename File>
  Status copy_extended(const File& from, const File& to, std::string_view path) const;
  template <typename File>
  Status copy_one(const File& from, const File& to, const char* name, std::string_view path) const;

  const IdShift& shift_;
};

// Takes back what a new directory has from the one that it was made in: group, set-group-id bit, default access list and inode
// flags, which everything made in it would get as well.
Status forget_inherited(int directory, std::string_view path);

}  // namespace berth::storage
