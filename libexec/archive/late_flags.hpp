// Flags of inodes (chattr) that an archive has for files of a place. They come when nothing in it is changed any more: an
// immutable file takes no second name, and no owner.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::archive {

class LateFlags {
 public:
  using Node = std::uint32_t;
  static constexpr Node kTop = 0;  // the place itself

  // An entry of a directory that was added: each name is kept once, however deep it lies. Nothing is kept beyond a bound, which
  // add() and set() say by false.
  bool add(Node directory, const std::string& name, Node& added);
  bool set(Node entry, int flags);

  // Of all below the place; then of the place, when that is complete too. `place` is for messages.
  Status apply_below(const Fd& top, const std::string& place) const;
  Status apply_top(const Fd& top, const std::string& place) const;
  void clear() { *this = {}; }

 private:
  struct Entry {
    Node directory = kTop;
    std::string name;
  };
  struct Flagged {
    Node entry = kTop;
    int flags = 0;
  };
  [[nodiscard]] std::vector<Node> way_to(Node entry) const;
  [[nodiscard]] Result<Fd> open_directory(const Fd& top, Node directory) const;
  [[nodiscard]] Status apply(const Fd& file, const Flagged& one, const std::string& place) const;

  std::vector<Entry> entries_{Entry{}};
  std::vector<Flagged> flagged_;
  std::size_t bytes_ = 0;
};

}  // namespace berth::archive
