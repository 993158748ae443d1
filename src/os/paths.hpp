// Paths as text, and the one way to open something inside a tree that somebody else controls.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::os {

// "/a//b/../c/" -> "/a/c". By text alone, links are not looked at; ".." of the root is the root. A relative path becomes
// absolute from "/".
std::string normalise(std::string_view path);
// "a", "/b" -> "a/b"; one slash between them whatever both bring along. An empty side gives the other one.
std::string join(std::string_view left, std::string_view right);
// "/a//" -> "/a", "/" stays.
std::string_view strip_trailing_slashes(std::string_view path);
// "/a/b" -> "/a"; "/a" -> "/"; "a" -> ".".
std::string_view parent(std::string_view path);
// "/a/b" -> "b"; "/" -> "".
std::string_view last_component(std::string_view path);
// `path` is `directory` or below it, by text. Both normalised.
bool is_below(std::string_view path, std::string_view directory);

// Opens `path` with the directory `root` as its "/": absolute links and ".." stay inside, magic links are refused.
// `resolve` adds RESOLVE_* bits (RESOLVE_NO_SYMLINKS). On a kernel without openat2 components are walked one by one and
// every symbolic link is refused with ELOOP.
Result<Fd> open_below(int root, std::string_view path, int flags, mode_t mode = 0, std::uint64_t resolve = 0);

}  // namespace berth::os
