// Paths and words of the cgroup file systems. Inside this layer only.
#pragma once

#include <string>
#include <string_view>

namespace berth::cgroup {

// One slash between, none at the end; either side may be empty or "/".
std::string join_path(std::string_view directory, std::string_view below);
// "/a" for "/a/b"; empty at the root.
std::string_view parent_path(std::string_view path);
// `path` is `directory` or lies below it.
bool is_within(std::string_view path, std::string_view directory);
// Any component is "..".
bool climbs(std::string_view path);
// "cpu" is a controller of "cpu,cpuacct".
bool has_controller(std::string_view controllers, std::string_view name);
// "memory" for "memory.max".
std::string_view controller_of(std::string_view file);

// 0 when the caller's effective ids may write there, else the errno. The nearest existing ancestor decides for a path that
// does not exist yet.
int write_refusal(std::string path);
// The first line of a file without its end; empty when it can't be read.
std::string first_line(const std::string& path);

}  // namespace berth::cgroup
