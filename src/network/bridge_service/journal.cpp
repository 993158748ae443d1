// Runs in: lxc-net.
#include "network/bridge_service/journal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::network::bridge_service {
namespace {

using Kind = Change::Kind;

struct Word {
  Kind kind;
  std::string_view word;
  std::size_t fields;
};
constexpr auto kWords = std::to_array<Word>({{Kind::kBridge, "bridge", 1},
                                             {Kind::kAddress, "address", 1},
                                             {Kind::kRaised, "raised", 0},
                                             {Kind::kSetting, "setting", 3},
                                             {Kind::kFilter, "filter", 1},
                                             {Kind::kResolver, "resolver", 0},
                                             {Kind::kFlagFile, "flag", 1}});

Result<Change> parse_change(std::string_view line) {
  const auto words = strings::split_words(line, " ");
  const auto row = words.empty() ? kWords.end() : std::ranges::find(kWords, words[0], &Word::word);
  if (row == kWords.end() || words.size() != row->fields + 1) return fail(strings::cat("'", line, "' is no line of it"));
  Change change{row->kind, {}, {}, {}};
  const std::array<std::string*, 3> fields{&change.first, &change.second, &change.third};
  for (std::size_t i = 0; i < row->fields; ++i) *fields[i] = std::string(words[i + 1]);
  return change;
}

}  // namespace

std::string to_text(const Journal& journal) {
  std::string text = strings::cat("life ", journal.host_life, '\n');
  if (!journal.settings.empty()) text += strings::cat("settings ", journal.settings, '\n');
  for (const Change& change : journal.changes) {
    text += std::ranges::find(kWords, change.kind, &Word::kind)->word;
    for (const std::string* field : {&change.first, &change.second, &change.third}) {
      if (!field->empty()) text += strings::cat(' ', *field);
    }
    text += '\n';
  }
  return text + (journal.complete ? "complete\n" : "");
}

Result<Journal> parse_journal(std::string_view text) {
  Journal journal;
  for (const std::string_view line : strings::split(text, '\n')) {
    if (line.empty()) continue;
    if (line.starts_with("life "))
      journal.host_life = std::string(line.substr(5));
    else if (line.starts_with("settings "))
      journal.settings = std::string(line.substr(9));
    else if (line == "complete")
      journal.complete = true;
    else
      journal.changes.push_back(TRY(parse_change(line)));
  }
  return journal;
}

Result<std::optional<Journal>> read_journal(const std::string& path) {
  const auto text = sys::read_file(path);
  if (!text && text.error().code() == ENOENT) return std::optional<Journal>();
  if (!text) return fail(text.error());
  auto journal = parse_journal(*text);
  if (!journal) {
    return fail(std::move(journal.error())
                    .context(strings::cat("reading what was changed for the bridge, ", path))
                    .hint("remove that file; what it stood for has to be taken back by hand"));
  }
  return std::optional(std::move(*journal));
}

Result<std::string> host_life() {
  const std::string boot = TRY(sys::read_file("/proc/sys/kernel/random/boot_id"));
  const std::string name = TRY(sys::read_link("/proc/self/ns/net"));
  return strings::cat(strings::trim(boot), ' ', name);
}

}  // namespace berth::network::bridge_service
