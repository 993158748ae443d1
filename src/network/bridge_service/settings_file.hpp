// Settings files that a shell could read, such as /etc/default/lxc-net: NAME=VALUE lines, read without a shell.
// Pure but for the files that one of them names, which the caller's function fetches.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"

namespace berth::network::bridge_service {

struct Assignment {
  std::string name, value;
  Origin origin;
};

// Something in the settings that is wrong, where it stands, and what would be right.
struct SettingsProblem {
  Origin origin;
  std::string text;
};
// "FILE:LINE: TEXT" a line.
std::string describe(const std::vector<SettingsProblem>& problems);

struct SettingsText {
  std::vector<Assignment> assignments;  // in the order of the files; a later one of the same name counts
  std::vector<SettingsProblem> problems;
  std::vector<std::string> files;  // that were read, or would have been had they been there
};

// Understood are comments, quotes, backslashes, `export`, several assignments on a line, ${NAME} of what was set before, and what
// Debian's files have: ". FILE", "[ ! -f FILE ] || . FILE" and their like. Everything else needs a shell, and is a problem.
class SettingsFileReader {
 public:
  using Fetch = std::function<Result<std::string>(const std::string& path)>;
  explicit SettingsFileReader(Fetch fetch) : fetch_(std::move(fetch)) {}

  // A file that is not there is passed over when `optional`, else a problem.
  void read(const std::string& path, bool optional);
  [[nodiscard]] bool has_read(std::string_view path) const;
  [[nodiscard]] SettingsText take() { return std::move(text_); }

 private:
  void read_text(const std::string& path, std::string_view text);
  void read_line(const Origin& origin);
  void read_assignments(const Origin& origin);
  void include(const Origin& origin, std::string_view path, bool optional);
  [[nodiscard]] const std::string* value_of(std::string_view name) const;

  Fetch fetch_;
  SettingsText text_;
};

}  // namespace berth::network::bridge_service
