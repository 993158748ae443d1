// Runs in: the command or library caller that reads configuration.
#include "config/parser.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "config/assign.hpp"
#include "config/conflicts.hpp"
#include "config/line.hpp"
#include "config/network_values.hpp"
#include "sys/file.hpp"

namespace berth::config {
namespace {

// Far more than anybody has, far less than what files that include each other twice reach.
constexpr unsigned kMostIncludes = 1000;

class Loader {
 public:
  // With `problems`, errors of lines are collected there and reading goes on.
  explicit Loader(Conf& conf, std::vector<Error>* problems = nullptr) : conf_(conf), problems_(problems) {}

  Status top_file(const std::string& path) {
    std::string text = TRY_CONTEXT(sys::read_file(path), "reading the configuration file");
    const auto status = sys::stat(path);
    chain_.push_back({path, status ? status->st_dev : 0, status ? status->st_ino : 0});
    return top(std::move(text), path);
  }

  Status top(std::string text, const std::string& name) {
    TRY(rows(text, name));
    std::string& kept = conf_.unexpanded;
    if (!kept.empty() && kept.back() != '\n') kept += '\n';
    kept += text;
    return {};
  }

  Status include(std::string_view value, const Origin& origin) {
    const std::string path{value};
    if (++includes_ > kMostIncludes) {
      return fail(Error::message(strings::cat("more than ", kMostIncludes, " files are included")).set_by(origin));
    }
    const auto status = sys::stat(path);
    if (!status) {
      const bool absent_directory = status.error().code() == ENOENT && path.ends_with('/');
      if (absent_directory) return {};
      return fail(Error(status.error()).context("cannot read the included file").set_by(origin));
    }
    if (S_ISDIR(status->st_mode)) return directory(path, origin);
    return file(path, *status, origin);
  }

 private:
  struct Open {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  Status directory(const std::string& path, const Origin& origin) {
    auto entries = sys::list_directory(path);
    if (!entries) return fail(std::move(entries.error()).context("cannot read the included directory").set_by(origin));
    std::vector<std::string> names;
    for (const sys::DirectoryEntry& entry : *entries) {
      if (entry.name.size() > 5 && entry.name.ends_with(".conf")) names.push_back(entry.name);
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      auto result = include(strings::cat(strings::trim_right(path, "/"), "/", name), origin);
      if (result) continue;
      if (problems_ == nullptr) return result;
      keep_problem(std::move(result.error()));
    }
    return {};
  }

  Status file(const std::string& path, const struct ::stat& status, const Origin& origin) {
    TRY(check_loop(path, status, origin));
    auto text = sys::read_file(path);
    if (!text) return fail(std::move(text.error()).context("cannot read the included file").set_by(origin));
    chain_.push_back({path, status.st_dev, status.st_ino});
    includers_.push_back(origin.file.empty() ? std::string()
                                             : strings::cat("in a file included by ", origin.file, ":", origin.line));
    auto result = rows(*text, path);
    const std::string includer = std::move(includers_.back());
    includers_.pop_back();
    chain_.pop_back();
    if (result || includer.empty()) return result;
    return with_context(std::move(result), includer);
  }

  // Reading goes on: what a failure would gather on its way out is added here.
  void keep_problem(Error error) {
    for (auto includer = includers_.rbegin(); includer != includers_.rend(); ++includer) {
      if (!includer->empty()) error = std::move(error).context(*includer);
    }
    problems_->push_back(std::move(error));
  }

  Status check_loop(const std::string& path, const struct ::stat& status, const Origin& origin) {
    const auto same = [&](const Open& open) { return open.device == status.st_dev && open.inode == status.st_ino; };
    const auto first = std::ranges::find_if(chain_, same);
    if (first == chain_.end()) return {};
    std::string names;
    for (auto it = first; it != chain_.end(); ++it) names += it->path + " -> ";
    return fail(Error::message(strings::cat("files include each other: ", names, path), ELOOP)
                    .set_by(origin)
                    .hint("remove one of these lxc.include lines"));
  }

  // `text` is changed in place where a hardware address has random digits.
  Status rows(std::string& text, const std::string& name) {
    Origin origin{name, 0, {}};
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      ++origin.line;
      if (auto result = row(text, at, end - at, origin); !result) {
        Error error = std::move(result.error());
        if (!error.origin().known()) error = std::move(error).set_by(origin);
        if (problems_ == nullptr) return fail(std::move(error));
        keep_problem(std::move(error));
      }
      at = end + 1;
    }
    return {};
  }

  // LXC passes over such a line without a word, and so does a start; who asks for mistakes shall hear of it.
  static Status check_ignored(std::string_view line) {
    if (line.empty() || line.front() == '#') return {};
    Error error = Error::message("the line is ignored: it is neither a comment nor does it begin with \"lxc.\"");
    if (line.starts_with("\xef\xbb\xbf")) return fail(std::move(error).hint("remove the byte order mark at its beginning"));
    const std::string near = nearest_key(strings::trim(line.substr(0, line.find('='))));
    return fail(near.empty() ? std::move(error).hint("put a # before it if it is a comment")
                             : std::move(error).hint(strings::cat("did you mean \"", near, "\"?")));
  }

  Status row(std::string& text, std::size_t at, std::size_t length, Origin& origin) {
    const std::string_view raw = std::string_view(text).substr(at, length);
    origin.text = strings::trim(raw);
    const Line line = TRY(read_line(raw));
    if (!line.assignment) return problems_ == nullptr ? Status{} : check_ignored(origin.text);
    const KeyRef ref = TRY(resolve_key(line.key, origin.file));
    if (ref.key->is(kInclude)) return line.value.empty() ? Status{} : include(line.value, origin);
    if (is_hardware_address(ref) && !line.value.empty()) {
      char* value = text.data() + (line.value.data() - text.data());
      if (auto filled = fill_hardware_address({value, line.value.size()}); !filled)
        return fail(std::move(filled.error()).set_by(origin));
    }
    return assign(conf_, ref, line.value, origin, line.column);
  }

  Conf& conf_;
  std::vector<Error>* problems_;
  std::vector<Open> chain_;
  std::vector<std::string> includers_;  // of the files in chain_ but the first, in words
  unsigned includes_ = 0;
};

}  // namespace

Status load_file(Conf& conf, const std::string& path) { return Loader(conf).top_file(path); }

Status load_text(Conf& conf, std::string_view text, const std::string& name) { return Loader(conf).top(std::string(text), name); }

std::vector<Error> check_file(Conf& conf, const std::string& path) {
  std::vector<Error> problems;
  if (auto result = Loader(conf, &problems).top_file(path); !result) problems.push_back(std::move(result.error()));
  for (Error& conflict : find_conflicts(conf)) problems.push_back(std::move(conflict));
  return problems;
}

Status include(Conf& conf, std::string_view path, const Origin& origin) { return Loader(conf).include(path, origin); }

Status save_file(const Conf& conf, const std::string& path) {
  constexpr mode_t kConfigMode = 0640;
  return with_context(sys::replace_file(path, conf.unexpanded, kConfigMode), "writing the configuration file");
}

}  // namespace berth::config
