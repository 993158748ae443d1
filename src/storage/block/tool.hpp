// The programs that make and change file systems, volumes and images.
#pragma once

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/command.hpp"

namespace berth::storage::block {

inline constexpr auto kQuick = std::chrono::minutes(1);  // a program that asks, or changes a few blocks
inline constexpr auto kLong = std::chrono::hours(6);     // one whose work grows with the device

struct Tool {
  std::string program;
  std::vector<std::string> arguments{};
  std::string package{};  // of Debian, named when the program is missing
  std::chrono::milliseconds timeout = kQuick;
};

// "There is no program 'lvs' (Debian: package lvm2)", with the way to get it.
Error missing_program(std::string_view program, std::string_view package, int code = ENOENT);

// Runs it with messages in English. Error: the program is missing (ENOENT, with the package to install) or could not be run; how
// it ended is for the caller to judge.
Result<os::Finished> run(const Tool& tool);
// Its standard output; an Error for any status but 0, with what it said.
Result<std::string> run_checked(const Tool& tool);
bool is_installed(const std::string& program);

// For tests: programs are looked for here while it lives.
class ScopedToolPath {
 public:
  explicit ScopedToolPath(std::string path);
  ScopedToolPath(const ScopedToolPath&) = delete;
  ScopedToolPath& operator=(const ScopedToolPath&) = delete;
  ~ScopedToolPath();
};

}  // namespace berth::storage::block
