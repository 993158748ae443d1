// Runs in: host commands.
#include "storage/nbd/image_reach.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/strings.hpp"
#include "storage/block/probe.hpp"
#include "storage/nbd/device.hpp"
#include "sys/file.hpp"

namespace berth::storage::nbd {
namespace {

// Offsets in the header, and types of its extensions; numbers are big-endian.
constexpr std::size_t kVersion = 4, kNameOffset = 8, kNameLength = 16, kIncompatible = 72, kHeaderLength = 100;
constexpr std::uint64_t kExternalData = 4;
constexpr std::uint64_t kFormatExtension = 0xE2792ACA;
constexpr unsigned kDeepest = 64;  // images upon one another

// 0 beyond the end.
std::uint64_t number_at(std::string_view start, std::size_t offset, std::size_t length) {
  std::uint64_t number = 0;
  if (offset > start.size() || length > start.size() - offset) return 0;
  for (const char byte : start.substr(offset, length)) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

std::string format_in_extensions(std::string_view start, std::size_t offset) {
  while (offset + 8 <= start.size()) {
    const std::uint64_t type = number_at(start, offset, 4), length = number_at(start, offset + 4, 4);
    offset += 8;
    if (type == 0 || length > start.size() - offset) break;
    if (type == kFormatExtension) return std::string(start.substr(offset, length));
    offset += (length + 7) / 8 * 8;
  }
  return {};
}

Error refusal(const std::string& file, std::string reason) {
  return Error::message(strings::cat("the image ", file, " is not used"), EPERM)
      .because(std::move(reason))
      .hint("qemu-img info shows what it names; qemu-img convert -O qcow2 makes one that stands alone");
}

// The path of a file that an image in `directory` may be built upon.
Result<std::string> allowed_base(const std::string& file, const Backing& backing) {
  const std::string_view name = backing.name, last = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  const std::size_t mark = last.rfind(kBase);
  const std::string_view digits = mark == last.npos ? "" : last.substr(mark + kBase.size());
  const bool is_own_base = !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  const bool beside = last.size() == name.size() && name.find(':') == name.npos;
  if (!beside && !(name.starts_with('/') && is_own_base))
    return fail(refusal(file, strings::cat("it shows what is in ", strings::printable(name), ", a file elsewhere")));
  if (backing.format != "raw" && backing.format != "qcow2" && backing.format != "qcow")
    return fail(refusal(file, strings::cat("it does not say in which format it reads ", strings::printable(name))));
  return beside ? strings::cat(file.substr(0, file.rfind('/') + 1), name) : std::string(name);
}

Status check_regular(const std::string& file, const std::string& base) {
  const auto info = TRY(sys::stat_link(base));
  if (S_ISREG(info.st_mode)) return {};
  return fail(refusal(file, strings::cat(base, ", which it is built upon, is no regular file")));
}

Status check_below(std::string file, std::string start) {
  for (unsigned depth = 0; depth < kDeepest; ++depth) {
    const auto backing = TRY_CONTEXT(backing_of(start), strings::cat("cannot use the image ", file));
    if (!backing) return {};
    std::string base = TRY(allowed_base(file, *backing));
    TRY(check_regular(file, base));
    if (backing->format == "raw") return {};
    start = TRY(block::read_start(base));
    if (block::image_format_of(start) != backing->format)
      return fail(refusal(file, strings::cat(base, " is not ", backing->format, ", as it says")));
    file = std::move(base);
  }
  return fail(refusal(file, strings::cat("more than ", kDeepest, " images are built upon one another")));
}

}  // namespace

Result<std::optional<Backing>> backing_of(std::string_view start) {
  const std::uint64_t version = number_at(start, kVersion, 4);
  if (version >= 3 && (number_at(start, kIncompatible, 8) & kExternalData) != 0)
    return fail(Error::message("the image's data are in another file", EPERM)
                    .hint("qemu-img convert -O qcow2 makes one that stands alone"));
  const std::uint64_t offset = number_at(start, kNameOffset, 8), length = number_at(start, kNameLength, 4);
  if (offset == 0) return std::optional<Backing>();
  if (length == 0 || offset > start.size() || length > start.size() - offset)
    return fail(Error::message("the image's header is damaged", EINVAL).hint("qemu-img check says more"));
  const std::uint64_t extensions = version >= 3 ? number_at(start, kHeaderLength, 4) : kIncompatible;
  return std::optional(
      Backing{std::string(start.substr(offset, length)), version >= 2 ? format_in_extensions(start, extensions) : ""});
}

Status check_reach(const std::string& file, std::string_view start) {
  const std::string_view format = block::image_format_of(start);
  if (format == "qcow2" || format == "qcow") return check_below(file, std::string(start));
  if (format == "vhdx" || format == "vpc" || format == "vdi") return {};  // of these QEMU opens none that names others
  return fail(refusal(file, strings::cat("images of the format ", format, " can name files of the host")));
}

}  // namespace berth::storage::nbd
