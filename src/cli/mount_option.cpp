// Runs in: the command lxc-copy.
#include "cli/mount_option.hpp"

#include <sys/stat.h>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kForm = "bind=/source:/target:ro";

// fstab(5) separates its fields by blanks.
std::string escaped(std::string_view path) {
  std::string text;
  for (const char c : path) {
    if (c == ' ')
      text += "\\040";
    else if (c == '\t')
      text += "\\011";
    else if (c == '\\')
      text += "\\134";
    else
      text += c;
  }
  return text;
}

Status check_kind(std::string_view mount, std::string_view kind) {
  if (kind == "bind") return {};
  if (kind == "overlay")
    return fail(Error::message(strings::cat("'", mount, "' needs the overlay store, which comes later"), EOPNOTSUPP)
                    .hint("use bind=, with :ro where the source must not change"));
  return fail(Error::message(strings::cat("'", mount, "' is no mount")).hint(strings::cat("the form is ", kForm)));
}

Result<std::string> entry_of(std::string_view mount) {
  const std::size_t equals = mount.find('=');
  TRY(check_kind(mount, mount.substr(0, equals)));
  if (equals == mount.npos) return fail(strings::cat("'", mount, "' names no source"));
  auto pieces = strings::split(mount.substr(equals + 1), ':');
  bool read_only = false;
  if (pieces.size() > 1 && (pieces.back() == "ro" || pieces.back() == "rw")) {
    read_only = pieces.back() == "ro";
    pieces.pop_back();
  }
  if (pieces.empty() || pieces.size() > 2 || !pieces.front().starts_with('/') || !pieces.back().starts_with('/') ||
      pieces.back() == "/")
    return fail(Error::message(strings::cat("'", mount, "' is no mount"))
                    .hint(strings::cat("the form is ", kForm, "; both paths are absolute")));
  const std::string source(pieces.front());
  const auto info = sys::stat(source);
  if (!info) return fail(Error(info.error()).context(strings::cat("'", mount, "' can't be mounted")));
  return strings::cat(escaped(source), " ", escaped(strings::trim_left(pieces.back(), "/")), " none bind", read_only ? ",ro" : "",
                      S_ISDIR(info->st_mode) ? ",create=dir" : ",create=file");
}

}  // namespace

Result<std::vector<std::string>> parse_mount_option(std::string_view text) {
  std::vector<std::string> entries;
  for (const std::string_view mount : strings::split_words(text, ",")) entries.push_back(TRY(entry_of(mount)));
  if (entries.empty()) return fail(strings::cat("no mount is named; the form is ", kForm));
  return entries;
}

}  // namespace berth::cli
