// The few facts of a configuration that listings show, read in a fraction of the time of a whole load: lines of other keys are
// skipped unparsed, and a file that many containers include is read once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::runtime {

struct ConfigSummary {
  bool autostart = false;           // lxc.start.auto
  bool unprivileged = false;        // any lxc.idmap
  std::vector<std::string> groups;  // lxc.group
};

class SummaryReader {
 public:
  // Error: the file can't be read. What is wrong inside it is not looked for.
  Result<ConfigSummary> read(const std::string& path);

 private:
  // What a file says, in order, includes resolved.
  struct Assignment {
    enum class Kind { kAutostart, kIdmap, kGroup } kind;
    std::string value;
  };
  using Assignments = std::vector<Assignment>;

  Result<Assignments> parse_file(const std::string& path, unsigned depth);
  void take_line(std::string_view line, unsigned depth, Assignments& out);
  void include(const std::string& path, unsigned depth, Assignments& out);

  std::map<std::string, Assignments> included_;
};

}  // namespace berth::runtime
