// Runs in: the command or library caller that reads configuration.
#include "config/mount_entry.hpp"

#include <linux/mount.h>

#include <array>

#include "base/strings.hpp"

namespace berth::config {
namespace {

struct OptionName {
  std::string_view name;
  unsigned long set, clear;
};

// mount(8), "filesystem-independent mount options". "defaults" changes nothing here: it names the kernel's own state.
constexpr std::array kOptions = std::to_array<OptionName>({
    {"defaults", 0, 0},
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"remount", MS_REMOUNT, 0},
    {"mand", MS_MANDLOCK, 0},
    {"nomand", 0, MS_MANDLOCK},
    {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, 0},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME, 0},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME, 0},
    {"nolazytime", 0, MS_LAZYTIME},
    {"nosymfollow", MS_NOSYMFOLLOW, 0},
    {"symfollow", 0, MS_NOSYMFOLLOW},
    {"bind", MS_BIND, 0},
    {"rbind", MS_BIND | MS_REC, 0},
    {"move", MS_MOVE, 0},
});

constexpr std::array kPropagations = std::to_array<OptionName>({
    {"private", MS_PRIVATE, 0},
    {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"shared", MS_SHARED, 0},
    {"rshared", MS_SHARED | MS_REC, 0},
    {"slave", MS_SLAVE, 0},
    {"rslave", MS_SLAVE | MS_REC, 0},
    {"unbindable", MS_UNBINDABLE, 0},
    {"runbindable", MS_UNBINDABLE | MS_REC, 0},
});

template <std::size_t N>
const OptionName* find_option(const std::array<OptionName, N>& table, std::string_view name) {
  for (const OptionName& option : table) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

void append_data(std::string& data, std::string_view option) {
  if (!data.empty()) data += ',';
  data += option;
}

Status parse_idmap(MountOptions& options, std::string_view value) {
  if (value != "container" && !value.starts_with('/')) {
    return fail(strings::cat("option idmap takes \"container\" or the path of a user namespace, found \"", value, "\""));
  }
  options.idmap = value;
  return {};
}

// One option that is the same for entries and root file systems.
Status parse_common_option(MountOptions& options, std::string_view name) {
  if (const OptionName* known = find_option(kOptions, name)) {
    options.flags = (options.flags & ~known->clear) | known->set;
    options.cleared = (options.cleared & ~known->set) | known->clear;
    return {};
  }
  if (const OptionName* known = find_option(kPropagations, name)) {
    if (options.propagation != 0 && options.propagation != known->set) {
      return fail(strings::cat("option \"", name, "\" contradicts an earlier propagation option"));
    }
    options.propagation = known->set;
    return {};
  }
  if (name.starts_with("idmap=")) return parse_idmap(options, name.substr(6));
  if (name == "idmap") return parse_idmap(options, {});
  append_data(options.data, name);
  return {};
}

// The options that only entries have. True when `name` was one.
Result<bool> parse_entry_option(MountEntry& entry, std::string_view name) {
  if (name == "optional") return entry.optional = true;
  if (name == "relative") return entry.relative = true;
  if (!name.starts_with("create=") && name != "create") return false;
  const CreateTarget create = name == "create=dir"    ? CreateTarget::kDirectory
                              : name == "create=file" ? CreateTarget::kFile
                                                      : CreateTarget::kNo;
  if (create == CreateTarget::kNo) return fail(strings::cat("option create takes \"dir\" or \"file\", found \"", name, "\""));
  entry.create = create;
  return true;
}

Status parse_entry_options(MountEntry& entry, std::string_view text) {
  for (const std::string_view name : strings::split_words(text, ",")) {
    if (!TRY(parse_entry_option(entry, name))) TRY(parse_common_option(entry.options, name));
  }
  entry.options.data = decode_mount_field(entry.options.data);
  return {};
}

// The dump and pass fields mean nothing here, but a word in their place shows a blank that should have been \040.
Status check_tail(const std::vector<std::string_view>& fields) {
  for (std::size_t i = 4; i < fields.size(); ++i) {
    if (fields[i].starts_with('#')) return {};
    if (i < 6 && strings::parse_number<unsigned>(fields[i])) continue;
    return fail(Error::message(strings::cat("field ", i + 1, " of the mount line is \"", fields[i], "\"; expected ",
                                            i < 6 ? "a number" : "no more than six fields"))
                    .hint("write a blank inside a path or an option as \\040"));
  }
  return {};
}

}  // namespace

// \040 and the like, as getmntent(3) decodes them; other backslashes stay.
std::string decode_mount_field(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escape = field[i] == '\\' && i + 3 < field.size() && field[i + 1] <= '3' && is_octal(field[i + 1]) &&
                        is_octal(field[i + 2]) && is_octal(field[i + 3]);
    if (!escape) {
      text += field[i];
      continue;
    }
    text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
    i += 3;
  }
  return text;
}

std::string encode_mount_field(std::string_view text) {
  std::string field;
  for (const char c : text) {
    if (c == ' ')
      field += "\\040";
    else if (c == '\t')
      field += "\\011";
    else if (c == '\\')
      field += "\\134";
    else
      field += c;
  }
  return field;
}

Result<MountEntry> parse_mount_entry(std::string_view line) {
  const bool nul = line.find('\0') != std::string_view::npos || line.find("\\000") != std::string_view::npos;
  if (nul) return fail("the mount line holds a NUL byte");
  const auto fields = strings::split_words(line);
  if (fields.size() < 3) {
    return fail(Error::message(strings::cat("a mount line needs a source, a target and a file system type; found ", fields.size(),
                                            fields.size() == 1 ? " field" : " fields"))
                    .hint("for example: /srv/data srv/data none bind,create=dir 0 0"));
  }
  TRY(check_tail(fields));
  MountEntry entry;
  entry.source = decode_mount_field(fields[0]);
  entry.target = decode_mount_field(fields[1]);
  entry.type = decode_mount_field(fields[2]);
  if (fields.size() > 3 && !fields[3].starts_with('#')) TRY(parse_entry_options(entry, fields[3]));
  return entry;
}

Result<std::vector<MountEntry>> parse_fstab(std::string_view text, std::string_view name) {
  std::vector<MountEntry> entries;
  unsigned line = 0;
  for (const std::string_view raw : strings::split(text, '\n')) {
    ++line;
    const std::string_view content = strings::trim(raw);
    if (content.empty() || content.front() == '#') continue;
    auto entry = parse_mount_entry(content);
    if (!entry) return fail(std::move(entry.error()).set_by({std::string(name), line, std::string(content)}));
    entry->line = line;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<MountOptions> parse_rootfs_options(std::string_view text) {
  MountOptions options;
  for (const std::string_view raw : strings::split_words(text, ",")) {
    const std::string_view name = strings::trim(raw);
    MountEntry unwanted;
    const auto entry_option = parse_entry_option(unwanted, name);
    if (!entry_option || *entry_option) {
      return fail(strings::cat("option \"", name, "\" is for lxc.mount.entry, not for a root file system"));
    }
    TRY(parse_common_option(options, name));
  }
  return options;
}

}  // namespace berth::config
