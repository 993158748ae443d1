// Runs in: host commands and library callers. A pure function.
#include "runtime/mount_data.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kMapOwners = "idmap=container";

void take(std::string_view word, MountData& data) {
  if (word.empty()) return;
  if (word == kMapOwners) {
    data.map_owners = true;
    return;
  }
  const std::size_t equals = word.find('=');
  if (equals == word.npos || equals == 0)
    data.options.emplace_back(word, std::nullopt);
  else
    data.options.emplace_back(word.substr(0, equals), std::string(word.substr(equals + 1)));
}

}  // namespace

MountData parse_mount_data(std::string_view data) {
  MountData result;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == '\\')
      ++i;  // with what it protects
    else if (data[i] == ',') {
      take(data.substr(begin, i - begin), result);
      begin = i + 1;
    }
  }
  if (begin < data.size()) take(data.substr(begin), result);
  return result;
}

}  // namespace berth::runtime
