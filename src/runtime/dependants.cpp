// Runs in: the commands that remove or rename a container.
#include "runtime/dependants.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kDependants = "/lxc_snapshots", kSources = "/lxc_rdepends";

// Absent: empty.
Result<std::string> read_list(const std::string& path) {
  auto text = sys::read_file(path);
  if (!text && text.error().code() == ENOENT) return std::string{};
  return text;
}

Status forget_in(const Dependence& source, const Dependence& gone) {
  const std::string path = strings::cat(source.first, "/", source.second, kDependants);
  const std::string text = TRY(read_list(path));
  auto entries = parse_dependences(text);
  if (std::erase(entries, gone) == 0) return {};
  if (entries.empty()) return sys::unlink(path);
  std::string rest;
  for (const auto& [lxcpath, name] : entries) rest += strings::cat(lxcpath, "\n", name, "\n");
  const Fd file = TRY(sys::open(path, O_RDONLY));
  return sys::replace_file_like(path, rest, TRY(sys::kind_of(file.get(), path)));
}

}  // namespace

std::vector<Dependence> parse_dependences(std::string_view text) {
  std::vector<Dependence> entries;
  const auto lines = strings::split_words(text, "\n");
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) entries.emplace_back(lines[i], lines[i + 1]);
  return entries;
}

Status check_dependants(const Container& container) {
  const std::string text = TRY_CONTEXT(read_list(container.directory() + std::string(kDependants)),
                                       "cannot see whether clones depend on the container");
  if (strings::trim(text).empty() || strings::trim(text) == "0") return {};
  std::string names;
  for (const auto& [lxcpath, name] : parse_dependences(text))
    names += strings::cat(names.empty() ? "" : ", ", lxcpath, "/", name);
  return fail(Error::message("clones depend on this container", EBUSY)
                  .because(names.empty() ? strings::cat("lxc_snapshots says: ", strings::trim(text)) : names)
                  .hint("destroy the clones first"));
}

Status forget_sources(const Container& container) {
  const std::string text = TRY_CONTEXT(read_list(container.directory() + std::string(kSources)), "cannot see whose clone it is");
  for (const auto& source : parse_dependences(text))
    TRY_CONTEXT(forget_in(source, {container.lxcpath(), container.name()}),
                "cannot tell the container that this one is a clone of");
  return {};
}

}  // namespace berth::runtime
