// Runs in: host commands.
#include "storage/lvm/volumes.hpp"

#include "base/strings.hpp"
#include "storage/block/tool.hpp"

namespace berth::storage::lvm {
namespace {

constexpr std::string_view kVolumeFields = "vg_name,lv_name,lv_attr,lv_size,pool_lv,origin,data_percent,metadata_percent,lv_tags";
constexpr std::string_view kGroupFields = "vg_free,vg_extent_size";
constexpr std::size_t kVolumeColumns = 9, kGroupColumns = 2;
constexpr char kSeparator = '|';  // in no name, number, attribute or tag

bool is_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-";
  constexpr std::size_t kLongest = 127;
  return !name.empty() && name.size() <= kLongest && name.front() != '-' && name != "." && name != ".." &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

std::vector<std::string> report(std::string_view fields) {
  return {"--noheadings", "--nosuffix", "--units", "b", "--separator", std::string(1, kSeparator), "-o", std::string(fields)};
}

Result<std::uint64_t> number(std::string_view text, std::string_view line) {
  const auto value = strings::parse_number<std::uint64_t>(strings::trim(text));
  if (value) return *value;
  return fail(Error::message("LVM's answer is not understood").because(strings::printable(line)));
}

// "12.34" -> 13, "100.00" -> 100, "" -> nothing.
Result<std::optional<unsigned>> percent(std::string_view text, std::string_view line) {
  text = strings::trim(text);
  if (text.empty()) return std::nullopt;
  const auto point = text.find('.');
  const auto whole = strings::parse_number<unsigned>(text.substr(0, point));
  const std::string_view rest = point == std::string_view::npos ? "" : text.substr(point + 1);
  constexpr unsigned kMost = 100;
  const bool beyond = whole && (*whole > kMost || (*whole == kMost && rest.find_first_not_of('0') != std::string_view::npos));
  if (!whole || beyond || rest.find_first_not_of("0123456789") != std::string_view::npos)
    return fail(Error::message("LVM's answer is not understood").because(strings::printable(line)));
  return rest.find_first_not_of('0') == std::string_view::npos ? *whole : *whole + 1;
}

Result<Volume> parse_volume(std::string_view line) {
  const auto columns = strings::split(line, kSeparator);
  if (columns.size() != kVolumeColumns)
    return fail(Error::message("LVM's answer is not understood").because(strings::printable(line)));
  const auto word = [&](std::size_t column) { return std::string(strings::trim(columns[column])); };
  Volume volume;
  volume.group = word(0);
  volume.name = word(1);
  volume.attributes = word(2);
  volume.size = TRY(number(columns[3], line));
  volume.pool = word(4);
  volume.origin = word(5);
  volume.data_percent = TRY(percent(columns[6], line));
  volume.metadata_percent = TRY(percent(columns[7], line));
  for (const std::string_view tag : strings::split_words(strings::trim(columns[8]), ",")) volume.tags.emplace_back(tag);
  return volume;
}

bool is_told_absent(const os::Finished& finished) {
  return finished.error_output.find("Failed to find logical volume") != std::string::npos;
}

Error no_group(const std::string& group) {
  return Error::message(strings::cat("there is no volume group ", group), ENOENT)
      .hint(strings::cat("make it of a disk: vgcreate ", group, " DEVICE; or name another: --vgname, lxc.bdev.lvm.vg"));
}

Error refusal_of(const block::Tool& tool, const os::Finished& finished) {
  return Error::message(strings::cat(tool.program, " failed (", finished.outcome(), ")"), EIO)
      .output(finished.error_output.empty() ? finished.output : finished.error_output);
}

block::Tool tool_of(const std::string& program, std::vector<std::string> arguments) {
  return {.program = program, .arguments = std::move(arguments), .package = "lvm2", .timeout = block::kLong};
}

}  // namespace

Result<Name> parse_path(std::string_view path) {
  const auto parts = strings::split(path, '/');
  constexpr std::size_t kParts = 4;  // "", "dev", GROUP, VOLUME
  if (parts.size() == kParts && parts[0].empty() && parts[1] == "dev" && parts[2] != "mapper" && is_name(parts[2]) &&
      is_name(parts[3]))
    return Name{std::string(parts[2]), std::string(parts[3])};
  return fail(Error::message(strings::cat("'", strings::printable(path), "' is no path of a logical volume"))
                  .because("names have letters, digits and + _ . -, and do not begin with -")
                  .hint("/dev/GROUP/VOLUME; --vgname and --lvname say which"));
}

Result<std::vector<Volume>> parse_volumes(std::string_view text) {
  std::vector<Volume> volumes;
  for (const std::string_view line : strings::split(text, '\n'))
    if (!strings::trim(line).empty()) volumes.push_back(TRY(parse_volume(line)));
  return volumes;
}

Result<Group> parse_group(std::string_view text) {
  const auto columns = strings::split(strings::trim(text), kSeparator);
  if (columns.size() != kGroupColumns)
    return fail(Error::message("LVM's answer is not understood").because(strings::printable(text)));
  const Group group{TRY(number(columns[0], text)), TRY(number(columns[1], text))};
  if (group.extent != 0) return group;
  return fail(Error::message("LVM's answer is not understood").because(strings::printable(text)));
}

Result<std::optional<Volume>> find_volume(const Name& name) {
  auto arguments = report(kVolumeFields);
  arguments.insert(arguments.end(), {"--", strings::cat(name.group, "/", name.volume)});
  const block::Tool tool = tool_of("lvs", std::move(arguments));
  const os::Finished finished = TRY(block::run(tool));
  if (!finished.succeeded() && is_told_absent(finished)) return std::nullopt;
  if (!finished.succeeded()) {
    TRY(find_group(name.group));
    return fail(refusal_of(tool, finished));
  }
  auto volumes = TRY(parse_volumes(finished.output));
  if (volumes.size() != 1) return fail(Error::message("LVM's answer is not understood").output(finished.output));
  return std::move(volumes.front());
}

Result<Volume> volume_at(const std::string& path) {
  auto volume = TRY(find_volume(TRY(parse_path(path))));
  if (volume) return std::move(*volume);
  return fail(Error::from_errno(ENOENT, "open", path).because("there is no such logical volume"));
}

Result<std::vector<Volume>> snapshots_of(const Volume& volume) {
  auto arguments = report(kVolumeFields);
  arguments.insert(arguments.end(), {"-S", strings::cat("origin=", volume.name), "--", volume.group});
  return parse_volumes(TRY(block::run_checked(tool_of("lvs", std::move(arguments)))));
}

Result<Group> find_group(const std::string& group) {
  auto arguments = report(kGroupFields);
  arguments.insert(arguments.end(), {"--", group});
  const block::Tool tool = tool_of("vgs", std::move(arguments));
  const os::Finished finished = TRY(block::run(tool));
  if (finished.succeeded()) return parse_group(finished.output);
  if (finished.error_output.find("not found") != std::string::npos) return fail(no_group(group));
  return fail(refusal_of(tool, finished));
}

Status run(const std::string& program, std::vector<std::string> arguments) {
  const block::Tool tool = tool_of(program, std::move(arguments));
  const os::Finished finished = TRY(block::run(tool));
  if (!finished.succeeded()) return fail(refusal_of(tool, finished));
  return {};
}

}  // namespace berth::storage::lvm
