// Runs in: the command.
#include "runtime/partial.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <utility>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/random.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

std::string mark_path(const std::string& directory) { return directory + "/partial"; }

struct ::flock whole_file() {
  struct ::flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

Result<Fd> open_mark(const std::string& path) {
  auto mark = sys::open(path, O_RDWR | O_NOFOLLOW);
  // LXC makes it with mode 0, which shuts its own maker out when he is not root.
  if (!mark && mark.error().code() == EACCES && sys::chmod(path, 0600)) mark = sys::open(path, O_RDWR | O_NOFOLLOW);
  return mark;
}

}  // namespace

Result<Creation> creation_state(const std::string& directory) {
  const auto mark = open_mark(mark_path(directory));
  if (!mark && (mark.error().code() == ENOENT || mark.error().code() == ENOTDIR)) return Creation::kNone;
  if (!mark) return fail(mark.error());
  struct ::flock lock = whole_file();
  const long outcome = sys::raw::call(SYS_fcntl, mark->get(), F_OFD_GETLK, &lock);
  if (outcome < 0) return fail(Error::from_errno(static_cast<int>(-outcome), "fcntl(F_OFD_GETLK)", mark_path(directory)));
  return lock.l_type == F_UNLCK ? Creation::kCrashed : Creation::kOngoing;
}

namespace {

// In the mark of a creation in a directory that was there before; the names of its entries follow, each with an end like this
// one's.
constexpr std::string_view kNoteHead("the directory was there before, with:\0", 38);
constexpr std::string_view kConfig = "config", kEarlierConfig = "config.before-create", kMarkName = "partial";

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

std::string note_of(const EarlierEntries& earlier) {
  if (!earlier) return {};
  std::string note(kNoteHead);
  for (const std::string& name : *earlier) {
    if (name == kEarlierConfig || name == kMarkName) continue;  // left by a creation that is over
    note += name;
    note += '\0';
  }
  return note;
}

bool had_config(const EarlierEntries& earlier) { return earlier && std::ranges::find(*earlier, kConfig) != earlier->end(); }

Status prepare_mark(const Fd& mark, const std::string& note, const std::string& path) {
  struct ::flock lock = whole_file();
  const long outcome = sys::raw::call(SYS_fcntl, mark.get(), F_OFD_SETLK, &lock);
  if (outcome < 0) return fail(Error::from_errno(static_cast<int>(-outcome), "fcntl(F_OFD_SETLK)", path));
  if (note.empty()) return {};
  TRY(sys::write_all(mark.get(), note, path));
  return sys::sync_file(mark.get(), path);  // an empty one would cost the user's files
}

// For file systems without files that have no name.
Result<Fd> make_named_mark(const std::string& directory, const std::string& note) {
  std::array<std::uint64_t, 1> random{};
  TRY(sys::fill_random(std::as_writable_bytes(std::span(random))));
  const std::string path = mark_path(directory), beside = strings::cat(path, ".", random[0]);
  Fd mark = TRY(sys::open(beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0));
  Status outcome = prepare_mark(mark, note, path);
  if (outcome) outcome = sys::link(beside, path);
  (void)sys::unlink(beside);
  if (!outcome) return fail(std::move(outcome.error()));
  return mark;
}

Result<Fd> make_mark(const std::string& directory, const std::string& note) {
  auto mark = sys::open(directory, O_TMPFILE | O_RDWR, 0);
  const int code = mark ? 0 : mark.error().code();
  if (code == EOPNOTSUPP || code == EISDIR || code == EINVAL) return make_named_mark(directory, note);
  if (!mark) return mark;
  const std::string path = mark_path(directory);
  TRY(prepare_mark(*mark, note, path));
  TRY(sys::link(strings::cat("/proc/self/fd/", mark->get()), path, true));
  return mark;
}

// A second name suffices: the new configuration is a new file. Else, where files have one name, a copy.
Status keep_config(const std::string& directory) {
  const std::string config = strings::cat(directory, "/", kConfig), kept = strings::cat(directory, "/", kEarlierConfig);
  TRY(forgive_absence(sys::unlink(kept)));
  if (sys::link(config, kept)) return {};
  return sys::replace_file_like(kept, TRY(sys::read_file(config)), TRY(sys::kind_of(config)));
}

}  // namespace

Result<Fd> begin_creation(const std::string& directory, const EarlierEntries& earlier) {
  Fd mark = TRY(make_mark(directory, note_of(earlier)));
  if (!had_config(earlier)) return mark;
  if (auto kept = keep_config(directory); !kept) {
    TRY(sys::unlink(mark_path(directory)));
    return fail(std::move(kept.error()).context("cannot keep the earlier configuration"));
  }
  return mark;
}

Result<EarlierEntries> earlier_entries(const std::string& directory) {
  const Fd mark = TRY(open_mark(mark_path(directory)));
  const std::string note = TRY(sys::read_all(mark.get(), mark_path(directory)));
  if (note.empty()) return EarlierEntries{};
  if (!note.starts_with(kNoteHead) || !note.ends_with('\0'))
    return fail(Error::message("what a killed creation left can't be told from what was there before", EINVAL)
                    .because(mark_path(directory) + " is damaged")
                    .hint("look at the directory, then remove that file or the directory"));
  std::vector<std::string> names;
  for (const auto name : strings::split_words(std::string_view(note).substr(kNoteHead.size()), std::string_view("\0", 1)))
    names.emplace_back(name);
  return EarlierEntries(std::move(names));
}

// To rename one name of a file to another of the same file does nothing, so the second may still be there then.
Status give_back_config(const std::string& directory, const EarlierEntries& earlier) {
  const std::string config = strings::cat(directory, "/", kConfig), kept = strings::cat(directory, "/", kEarlierConfig);
  if (!had_config(earlier)) return forgive_absence(sys::unlink(config));
  TRY(forgive_absence(sys::rename(kept, config)));
  return forgive_absence(sys::unlink(kept));
}

Status end_creation(const std::string& directory, Fd mark) {
  TRY(sys::unlink(mark_path(directory)));
  mark.reset();
  // The container is complete from here on, and nothing may be taken back: what can't be removed now, the next creation removes.
  static_cast<void>(sys::unlink(strings::cat(directory, "/", kEarlierConfig)));
  return {};
}

}  // namespace berth::runtime
