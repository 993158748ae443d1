// Parts of a container that are replaced by parts of its copy: written down before the first one moves, so that a kill in between
// costs nothing.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::runtime {

// What shall be done, in this order. Paths are absolute.
class Exchange {
 public:
  // What is at `from` shall be at `to`; what is there goes to `aside`, where nothing is.
  void add(std::string from, std::string to, std::string aside) {
    add_root({}, std::move(from), std::move(to), std::move(aside));
  }
  // The same for the names of roots of one kind that lie outside of directories.
  void add_root(std::string type, std::string from, std::string to, std::string aside) {
    steps_.push_back({std::move(type), std::move(from), std::move(to), std::move(aside)});
  }

  // Roots that lie outside of directories are among it.
  [[nodiscard]] bool moves_roots() const;

  // To the file, on the disk.
  [[nodiscard]] Status write(const std::string& file) const;
  static Result<Exchange> read(const std::string& file);

  // Both may be repeated after an Error or a kill, in any order: each sees what is done already by what is where.
  [[nodiscard]] Status run() const;
  [[nodiscard]] Status take_back() const;

 private:
  struct Step {
    std::string type;  // empty: a file or a directory
    std::string from, to, aside;
  };
  std::vector<Step> steps_;
};

}  // namespace berth::runtime
