// Runs in: host commands.
#include "runtime/summary.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr unsigned kDeepestInclude = 16;

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

Result<ConfigSummary> SummaryReader::read(const std::string& path) {
  ConfigSummary summary;
  for (const Assignment& assignment : TRY(parse_file(path, 0))) {
    const std::string& value = assignment.value;
    switch (assignment.kind) {
      case Assignment::Kind::kAutostart:
        summary.autostart = !value.empty() && value != "0";
        break;
      case Assignment::Kind::kIdmap:
        summary.unprivileged = !value.empty();
        break;
      case Assignment::Kind::kGroup:
        if (value.empty()) summary.groups.clear();
        for (const std::string_view group : strings::split_words(value)) summary.groups.emplace_back(group);
        break;
    }
  }
  return summary;
}

Result<SummaryReader::Assignments> SummaryReader::parse_file(const std::string& path, unsigned depth) {
  Assignments out;
  const std::string content = TRY(sys::read_file(path));
  std::string_view rest = content;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    take_line(strings::trim(rest.substr(0, end)), depth, out);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

void SummaryReader::take_line(std::string_view line, unsigned depth, Assignments& out) {
  const std::size_t equals = line.find('=');
  if (!line.starts_with("lxc.") || equals == line.npos) return;
  const std::string_view key = strings::trim_right(line.substr(0, equals));
  const std::string_view value = unquoted(strings::trim(line.substr(equals + 1)));
  if (key == "lxc.include")
    include(std::string(value), depth, out);
  else if (key == "lxc.start.auto")
    out.push_back({Assignment::Kind::kAutostart, std::string(value)});
  else if (key == "lxc.idmap" || key == "lxc.id_map")
    out.push_back({Assignment::Kind::kIdmap, std::string(value)});
  else if (key == "lxc.group")
    out.push_back({Assignment::Kind::kGroup, std::string(value)});
}

void SummaryReader::include(const std::string& path, unsigned depth, Assignments& out) {
  auto known = included_.find(path);
  if (known == included_.end()) {
    Assignments content;
    const auto entries = depth < kDeepestInclude ? sys::list_directory(path) : Result<std::vector<sys::DirectoryEntry>>{};
    if (entries && depth < kDeepestInclude) {  // a directory: its *.conf files, sorted
      std::vector<std::string> names;
      for (const auto& entry : *entries) {
        if (entry.name.ends_with(".conf")) names.push_back(entry.name);
      }
      std::sort(names.begin(), names.end());
      for (const std::string& name : names) include(strings::cat(path, '/', name), depth + 1, content);
    } else if (depth < kDeepestInclude) {
      if (auto file = parse_file(path, depth + 1)) content = std::move(*file);
    }
    known = included_.emplace(path, std::move(content)).first;
  }
  out.insert(out.end(), known->second.begin(), known->second.end());
}

}  // namespace berth::runtime
