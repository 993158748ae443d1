// Runs in: every process on the host's side.
#include "os/mount_table.hpp"

#include <optional>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

constexpr std::size_t kFixedFields = 6;

bool contains_word(std::string_view list, std::string_view word) {
  for (const std::string_view piece : strings::split(list, ',')) {
    if (piece == word) return true;
  }
  return false;
}

template <typename T>
bool read_number(std::string_view text, T& out) {
  const std::optional<T> value = strings::parse_number<T>(text);
  if (value) out = *value;
  return value.has_value();
}

bool read_device(std::string_view text, MountEntry& entry) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && read_number(text.substr(0, colon), entry.major) &&
         read_number(text.substr(colon + 1), entry.minor);
}

bool read_propagation(std::string_view field, MountEntry& entry) {
  constexpr std::string_view kShared = "shared:";
  constexpr std::string_view kMaster = "master:";
  if (field.starts_with(kShared)) return read_number(field.substr(kShared.size()), entry.shared);
  if (field.starts_with(kMaster)) return read_number(field.substr(kMaster.size()), entry.master);
  if (field == "unbindable") entry.unbindable = true;
  return true;  // others, of today (propagate_from) and tomorrow, say nothing that is needed
}

// Fields are separated by exactly one blank; a source may be empty.
std::optional<MountEntry> parse_line(std::string_view line) {
  const std::vector<std::string_view> fields = strings::split(line, ' ');
  if (fields.size() < kFixedFields + 4) return std::nullopt;
  MountEntry entry;
  if (!read_number(fields[0], entry.id) || !read_number(fields[1], entry.parent) || !read_device(fields[2], entry))
    return std::nullopt;
  entry.root = unescape_octal(fields[3]);
  entry.target = unescape_octal(fields[4]);
  entry.options = fields[5];
  std::size_t at = kFixedFields;
  for (; at < fields.size() && fields[at] != "-"; ++at) {
    if (!read_propagation(fields[at], entry)) return std::nullopt;
  }
  if (fields.size() - at != 4) return std::nullopt;
  entry.type = unescape_octal(fields[at + 1]);
  entry.source = unescape_octal(fields[at + 2]);
  entry.super_options = unescape_octal(fields[at + 3]);
  return entry;
}

bool covers(std::string_view target, std::string_view path) {
  if (target == "/") return path.starts_with('/');
  return path.starts_with(target) && (path.size() == target.size() || path[target.size()] == '/');
}

}  // namespace

bool MountEntry::has_option(std::string_view option) const { return contains_word(options, option); }
bool MountEntry::has_super_option(std::string_view option) const { return contains_word(super_options, option); }

std::string unescape_octal(std::string_view text) {
  constexpr std::size_t kDigits = 3;
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::optional<unsigned> value = text[i] == '\\' && i + kDigits < text.size()
                                              ? strings::parse_number<unsigned>(text.substr(i + 1, kDigits), 8)
                                              : std::nullopt;
    if (value && *value <= 0xff) {
      out.push_back(static_cast<char>(*value));
      i += kDigits;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Result<std::vector<MountEntry>> parse_mount_table(std::string_view text) {
  std::vector<MountEntry> table;
  unsigned number = 0;
  for (const std::string_view line : strings::split(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    std::optional<MountEntry> entry = parse_line(line);
    if (!entry)
      return fail(strings::cat("mount table, line ", number, " is not understood: \"", line.substr(0, 200), '"'), EBADMSG);
    table.push_back(std::move(*entry));
  }
  return table;
}

Result<std::vector<MountEntry>> load_mount_table(const std::string& path) {
  const std::string text = TRY(sys::read_file(path));
  return with_context(parse_mount_table(text), strings::cat("reading ", path));
}

const MountEntry* find_mount_of(const std::vector<MountEntry>& table, std::string_view path) {
  const MountEntry* best = nullptr;
  for (const MountEntry& entry : table) {
    if (covers(entry.target, path) && (best == nullptr || entry.target.size() >= best->target.size())) best = &entry;
  }
  return best;
}

}  // namespace berth::os
