// Runs in: the commands that export and import containers.
#include "runtime/backup/manifest.hpp"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/strings.hpp"

namespace berth::runtime {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFormat = "berth-container";
constexpr std::size_t kLongestPath = 4000, kMostFiles = 10'000;

Error unusable(std::string_view why) {
  return Error::message("the archive's manifest can't be used", EBADMSG).because(why).hint("import what berth export made");
}

// --- reading: every value is looked at before it is taken --------------------------------------------------------------------
Result<std::string> text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return fail(unusable(strings::cat("no text '", key, "'")));
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > kLongestPath || text.find('\0') != text.npos || text.find('\n') != text.npos)
    return fail(unusable(strings::cat("'", key, "' is too long, or has a line end in it")));
  return text;
}

Result<std::string> text_or_nothing(const Json& object, const char* key) {
  return object.contains(key) ? text_of(object, key) : Result<std::string>("");
}

Result<std::uint64_t> number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return fail(unusable(strings::cat("no number '", key, "'")));
  return found->get<std::uint64_t>();
}

Result<std::uint32_t> small_number_of(const Json& object, const char* key) {
  const std::uint64_t number = TRY(number_of(object, key));
  if (number > UINT32_MAX) return fail(unusable(strings::cat("'", key, "' is too large")));
  return static_cast<std::uint32_t>(number);
}

bool leads_below(std::string_view path) {
  const auto pieces = strings::split(path, '/');
  return std::ranges::all_of(pieces, [](std::string_view piece) { return !piece.empty() && piece != "." && piece != ".."; });
}

// Names that mean something else in a container's directory.
bool is_taken(std::string_view path) {
  const std::string_view first = strings::split(path, '/').front();
  return path == "config" || first == "partial" || first == "rootfs" || first == "snaps" || first == "importing" ||
         first == "exporting" || first == "restoring" || first == ".berth-sent" || first == "roots-being-made";
}

Status read_files(const Json& object, PackedContainer& packed) {
  const auto files = object.find("files");
  if (files == object.end() || !files->is_object() || files->size() > kMostFiles) return fail(unusable("no table 'files'"));
  for (const auto& [member, path] : files->items()) {
    if (!strings::parse_number<unsigned>(member) || !path.is_string()) return fail(unusable("a file without a number or a path"));
    const auto& text = path.get_ref<const std::string&>();
    if (text.size() > kLongestPath || text.find('\0') != text.npos || !leads_below(text) || is_taken(text))
      return fail(unusable(strings::cat("a file that would not lie in the container's directory: ", strings::printable(text))));
    packed.files.emplace_back(member, text);
  }
  return {};
}

Result<PackedContainer> read_container(const Json& object) {
  if (!object.is_object()) return fail(unusable("no object for the container"));
  PackedContainer packed;
  packed.name = TRY(text_of(object, "name"));
  if (packed.name.empty() || packed.name.find('/') != packed.name.npos) return fail(unusable("a path for a name"));
  packed.host_name = TRY(text_of(object, "host_name"));
  packed.directory = TRY(text_of(object, "directory"));
  if (packed.directory.size() < 2 || !packed.directory.starts_with('/'))
    return fail(unusable("the directory is no absolute path"));
  packed.uid = TRY(small_number_of(object, "uid"));
  packed.gid = TRY(small_number_of(object, "gid"));
  packed.mode = TRY(small_number_of(object, "mode")) & 0777U;
  packed.timestamp = TRY(text_or_nothing(object, "timestamp"));
  TRY(read_files(object, packed));
  const auto root = object.find("root");
  if (root == object.end() || root->is_null()) return packed;
  if (!root->is_object()) return fail(unusable("the root is no object"));
  packed.root = PackedRoot{TRY(text_of(*root, "type")), TRY(text_of(*root, "path")), TRY(number_of(*root, "bytes")),
                           TRY(number_of(*root, "limit")), TRY(text_or_nothing(*root, "fstype"))};
  return packed;
}

Status check_version(const Json& object) {
  if (!object.is_object() || TRY(text_of(object, "format")) != kFormat) return fail(unusable("it is of another kind"));
  const std::uint64_t version = TRY(number_of(object, "version"));
  if (version == kArchiveVersion) return {};
  return fail(Error::message(strings::cat("the archive is of version ", version, " of its format"), EPROTONOSUPPORT)
                  .because(strings::cat("this berth knows version ", kArchiveVersion))
                  .hint("import it with the berth that made it, or a newer one"));
}

// --- writing -----------------------------------------------------------------------------------------------------------------
Json json_of(const PackedContainer& packed) {
  Json files = Json::object();
  for (const auto& [member, path] : packed.files) files[member] = path;
  Json object = {
      {"name", packed.name}, {"host_name", packed.host_name}, {"directory", packed.directory}, {"uid", packed.uid},
      {"gid", packed.gid},   {"mode", packed.mode},           {"timestamp", packed.timestamp}, {"files", std::move(files)},
      {"root", nullptr}};
  if (packed.root)
    object["root"] = {
        {"type", packed.root->type}, {"path", packed.root->path}, {"bytes", packed.root->bytes}, {"limit", packed.root->limit}};
  if (packed.root && !packed.root->fstype.empty()) object["root"]["fstype"] = packed.root->fstype;
  return object;
}

// Of a state: it is shown to people, and compared.
bool is_word(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  return text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
         });
}

}  // namespace

std::string manifest_text(const Manifest& manifest) {
  constexpr int kIndent = 2;
  Json object = {{"format", kFormat},
                 {"version", kArchiveVersion},
                 {"made_by", manifest.made_by},
                 {"created", manifest.created},
                 {"container", json_of(manifest.container)},
                 {"snapshots", Json::array()}};
  for (const auto& snapshot : manifest.snapshots) object["snapshots"].push_back(json_of(snapshot));
  if (manifest.stream)
    object["stream"] = {{"type", manifest.stream->type}, {"id", manifest.stream->id}, {"base", manifest.stream->base}};
  return object.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
  const Json object = Json::parse(text, nullptr, false);
  if (object.is_discarded()) return fail(unusable("it is no JSON"));
  TRY(check_version(object));
  Manifest manifest{.made_by = TRY(text_of(object, "made_by")),
                    .created = TRY(text_of(object, "created")),
                    .container = TRY(read_container(object.value("container", Json())))};
  const auto snapshots = object.find("snapshots");
  if (snapshots == object.end() || !snapshots->is_array()) return fail(unusable("no list 'snapshots'"));
  for (const Json& snapshot : *snapshots) {
    auto read = TRY(read_container(snapshot));
    const bool twice = std::ranges::any_of(manifest.snapshots, [&](const auto& other) { return other.name == read.name; });
    if (twice) return fail(unusable("two snapshots of one name"));
    manifest.snapshots.push_back(std::move(read));
  }
  const auto stream = object.find("stream");
  if (stream == object.end()) return manifest;
  if (!stream->is_object()) return fail(unusable("the stream is no object"));
  manifest.stream = PackedStream{TRY(text_of(*stream, "type")), TRY(text_of(*stream, "id")), TRY(text_of(*stream, "base"))};
  const auto& [type, id, base] = *manifest.stream;
  if (type.empty() || id.empty() || !is_word(type) || !is_word(id) || !is_word(base) || id == base)
    return fail(unusable("the states of the stream have no usable words"));
  return manifest;
}

}  // namespace berth::runtime
