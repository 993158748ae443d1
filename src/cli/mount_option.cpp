// Runs in: the command lxc-copy.
#include "cli/mount_option.hpp"

#include <sys/stat.h>

#include "base/strings.hpp"
#include "config/mount_entry.hpp"
#include "config/mount_layers.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kForm = "bind=/source:/target:ro or overlay=/source:/target";

Status check_kind(std::string_view mount, std::string_view kind) {
  if (kind == "bind" || kind == "overlay") return {};
  return fail(Error::message(strings::cat("'", mount, "' is no mount")).hint(strings::cat("the form is ", kForm)));
}

Error wrong_form(std::string_view mount) {
  return Error::message(strings::cat("'", mount, "' is no mount"))
      .hint(strings::cat("the form is ", kForm, "; both paths are absolute"));
}

Result<CopyMount> mount_of(std::string_view mount) {
  const std::size_t equals = mount.find('=');
  TRY(check_kind(mount, mount.substr(0, equals)));
  if (equals == mount.npos) return fail(strings::cat("'", mount, "' names no source"));
  CopyMount result;
  result.overlay = mount.starts_with("overlay=");
  auto pieces = strings::split(mount.substr(equals + 1), ':');
  if (pieces.size() > 1 && (pieces.back() == "ro" || pieces.back() == "rw")) {
    result.read_only = pieces.back() == "ro";
    pieces.pop_back();
  }
  const bool paths = !pieces.empty() && pieces.size() <= 2 && pieces.front().starts_with('/') && pieces.back().starts_with('/');
  if (!paths || pieces.back() == "/") return fail(wrong_form(mount));
  result.source = pieces.front();
  result.target = strings::trim_left(pieces.back(), "/");
  const auto info = sys::stat(result.source);
  if (!info) return fail(Error(info.error()).context(strings::cat("'", mount, "' can't be mounted")));
  result.directory = S_ISDIR(info->st_mode);
  if (result.overlay && !result.directory)
    return fail(Error::message(strings::cat("'", mount, "': an overlay is of directories")).hint("use bind= for a file"));
  return result;
}

}  // namespace

Result<std::vector<CopyMount>> parse_mount_option(std::string_view text) {
  std::vector<CopyMount> mounts;
  for (const std::string_view mount : strings::split_words(text, ",")) mounts.push_back(TRY(mount_of(mount)));
  if (mounts.empty()) return fail(strings::cat("no mount is named; the form is ", kForm));
  return mounts;
}

std::string bind_entry(const CopyMount& mount) {
  return strings::cat(config::encode_mount_field(mount.source), " ", config::encode_mount_field(mount.target), " none bind",
                      mount.read_only ? ",ro" : "", mount.directory ? ",create=dir" : ",create=file");
}

std::string overlay_entry(const CopyMount& mount, const std::string& upper, const std::string& work) {
  const std::string layers = strings::cat("lowerdir=", config::escape_layer(mount.source),
                                          ",upperdir=", config::escape_layer(upper), ",workdir=", config::escape_layer(work));
  return strings::cat("overlay ", config::encode_mount_field(mount.target), " overlay ", config::encode_mount_field(layers),
                      mount.read_only ? ",ro" : "", ",create=dir");
}

}  // namespace berth::cli
