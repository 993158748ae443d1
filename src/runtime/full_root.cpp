// Runs in: the commands that copy a container.
#include "runtime/full_root.hpp"

#include <cerrno>
#include <utility>

#include "base/strings.hpp"
#include "storage/block/size_text.hpp"

namespace berth::runtime {
namespace {

std::string storage_command(std::string_view verb, const Container& container, std::string_view rest) {
  return strings::cat("berth storage ", verb, " -P ", strings::shell_quote(container.lxcpath()), " ", container.name(), rest);
}

}  // namespace

Error told_of_full_root(Error error, const storage::BackingStore& store, const std::string& path, const Container& source,
                        std::uint64_t size) {
  if (error.code() != EDQUOT && error.code() != ENOSPC) return error;
  const auto usage = store.usage(path);
  const std::uint64_t limit = usage ? usage->limit.value_or(0) : 0;
  std::string why;
  if (limit != 0) why = strings::cat("its limit is ", storage::block::size_text(limit), "; ");
  Error full = Error::message(strings::cat("the root file system ", storage::rootfs_value(store, path), " is full"), error.code())
                   .because(strings::cat(why, error.line()));
  if (limit == 0) return std::move(full).hint("make room, or copy to another file system");
  if (size != 0) return std::move(full).hint("choose a larger size for the copy (-L)");
  return std::move(full).hint(strings::cat("what ", source.name(), " holds: ", storage_command("usage", source, ""),
                                           "; a larger limit: ", storage_command("resize", source, " SIZE"),
                                           ", or for the copy alone: -L SIZE"));
}

}  // namespace berth::runtime
