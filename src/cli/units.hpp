// Numbers for people, as LXC writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::cli {

std::string human_bytes(std::uint64_t bytes);          // "512 bytes", "1.13 MiB"
std::string human_seconds(std::uint64_t nanoseconds);  // "0.01 seconds"
std::string megabytes(std::uint64_t bytes);            // "0.62MB": the columns RAM and SWAP of lxc-ls

// "5G", "512" (megabytes): the size of a file system, in bytes. Units b B k K m M g G t T.
Result<std::uint64_t> parse_file_system_size(std::string_view text);

}  // namespace berth::cli
