// Runs in: host commands.
#include "runtime/root_directories.hpp"

#include "os/paths.hpp"

namespace berth::runtime {

std::vector<std::string> root_directories(std::string_view path) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' && i + 1 < path.size())
      words.back() += path[++i];
    else if (path[i] == ':' && path.substr(i + 1).starts_with('/'))
      words.emplace_back();
    else
      words.back() += path[i];
  }
  if (words.size() == 1) return {os::normalise(path)};
  for (std::string& word : words) word = os::normalise(word);
  return words;
}

}  // namespace berth::runtime
