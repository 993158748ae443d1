// What a file has beside its data: owner, extended attributes, permissions, times.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::storage {

// Gives `to` what `from` has: owner and times by `info`, all extended attributes (access lists and file capabilities are some),
// the permissions last, because a change of owner takes set-id bits and capabilities away. `path` is for messages. Error: the
// file system does not take an attribute (named).
Status copy_attributes(int from, int to, const struct ::stat& info, std::string_view path);

// The same for what can't be opened (a link, a node, a socket): the entry `name` of both directories. The one in `to_directory`
// must have been made by the caller, in a directory that nobody else can write to.
Status copy_attributes_of_entry(int from_directory, int to_directory, const std::string& name, const struct ::stat& info,
                                std::string_view path);

// Takes back what a new directory has from the one that it was made in: group, set-group-id bit and default access list, which
// everything made in it would get as well.
Status forget_inherited(int directory, std::string_view path);

}  // namespace berth::storage
