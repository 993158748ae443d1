// Numbers for people, as LXC writes them.
#pragma once

#include <cstdint>
#include <string>

namespace berth::cli {

std::string human_bytes(std::uint64_t bytes);          // "512 bytes", "1.13 MiB"
std::string human_seconds(std::uint64_t nanoseconds);  // "0.01 seconds"
std::string megabytes(std::uint64_t bytes);            // "0.62MB": the columns RAM and SWAP of lxc-ls

}  // namespace berth::cli
