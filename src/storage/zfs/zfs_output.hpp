// What the zfs command prints, as data. Pure; zfs(8) of OpenZFS and of zfs-fuse 0.7 describe the same forms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage::zfs {

// "POOL/A/B": each part of letters, digits and "-_.: ", the pool's beginning with a letter, none of them "." or "..", 255 bytes
// at most. So it can't be taken for an option, a snapshot or a path.
bool is_dataset_name(std::string_view name);
// Without the last part; empty for a pool.
std::string_view parent_of(std::string_view dataset);
std::string_view last_part_of(std::string_view dataset);
std::string_view pool_of(std::string_view dataset);

// "12345" (-p), "1.50G" (without: rounded to three digits), powers of 1024. "none", "-" and 0 of a quota: no value.
std::optional<std::uint64_t> parse_size(std::string_view text);

// The rows of -H: fields between tabs. Error: a row has another number of fields than was asked for.
using Row = std::vector<std::string>;
Result<std::vector<Row>> parse_rows(std::string_view output, std::size_t fields);

// Why a command failed, as an errno, by its words (LC_ALL=C): zfs exits with 1 for all reasons. EIO: none that is known.
int failure_code(std::string_view error_output);

}  // namespace berth::storage::zfs
