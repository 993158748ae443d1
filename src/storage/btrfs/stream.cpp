// Runs in: host commands.
#include "storage/btrfs/stream.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/strings.hpp"
#include "os/command.hpp"
#include "storage/btrfs/subvolume.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::storage::btrfs {
namespace {

constexpr std::string_view kMagic = "berth-btrfs 1";
constexpr std::string_view kEnd = "end";
constexpr std::size_t kLongestLine = 64, kLongestPath = 16384, kMostSubvolumes = 65536;
constexpr mode_t kPrivate = 0700;
constexpr unsigned kMaxDepth = 64;

struct Part {
  std::string path;  // below the root; empty: the root
  bool read_only = false;
};

// Where the snapshots of a root are kept.
struct Kept {
  std::string above, own, place, fresh;  // `above` is other roots' too; `fresh`: while they are made
  explicit Kept(const std::string& root) {
    const auto slash = root.rfind('/');
    above = root.substr(0, slash) + "/.berth-sent";
    own = above + root.substr(slash);
    place = own + "/kept";
    fresh = own + "/new";
  }
};

std::string part_path(const std::string& kept, std::size_t number) { return strings::cat(kept, "/", number); }

// Modes and paths, each ended by NUL, in the order of the numbers.
constexpr std::string_view kReadOnly = "ro ", kWritable = "rw ";

Result<std::vector<Part>> read_list(const std::string& kept) {
  const std::string text = TRY(sys::read_file(kept + "/list"));
  std::vector<Part> parts;
  for (const std::string_view line : strings::split(text, '\0'))
    if (line.size() >= kReadOnly.size())
      parts.push_back({std::string(line.substr(kReadOnly.size())), line.starts_with(kReadOnly)});
  return parts;
}

Status write_list(const std::string& kept, const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts) text.append(part.read_only ? kReadOnly : kWritable).append(part.path).push_back('\0');
  return sys::replace_file(kept + "/list", text);
}

// Beside a root anything may lie. False: it is somebody else's, or it can't be told. What is absent may be made.
bool is_private(const std::string& path) {
  const auto info = sys::stat_link(path);
  if (!info) return info.error().code() == ENOENT;
  return S_ISDIR(info->st_mode) && info->st_uid == sys::effective_uid() && (info->st_mode & 0777U) == kPrivate;
}

// Subvolumes with numbers and their list, or that one's copy that is being written. A killed removal leaves writable ones.
bool holds_parts(const std::string& path) {
  if (!is_private(path)) return false;
  const auto entries = sys::list_directory(path);
  if (!entries) return entries.error().code() == ENOENT;
  return std::ranges::all_of(*entries, [&](const sys::DirectoryEntry& entry) {
    if (entry.name.starts_with("list")) return entry.type == DT_REG;
    return strings::parse_number<std::size_t>(entry.name) && is_subvolume(strings::cat(path, "/", entry.name));
  });
}

bool is_ours(const Kept& kept) {
  if (!is_private(kept.above) || !is_private(kept.own)) return false;
  const auto entries = sys::list_directory(kept.own);
  if (!entries) return entries.error().code() == ENOENT;
  const bool known = std::ranges::all_of(*entries, [](const auto& entry) { return entry.name == "kept" || entry.name == "new"; });
  return known && holds_parts(kept.place) && holds_parts(kept.fresh);
}

Status check_ours(const Kept& kept) {
  if (is_ours(kept)) return {};
  return fail(Error::message(strings::cat("what lies at ", kept.own, " is no state that berth keeps"), EEXIST)
                  .because("it is not the caller's alone, or holds something else than subvolumes with numbers")
                  .hint("look at what it is, and move it away"));
}

Result<std::vector<Part>> base_list(const std::string& base) {
  if (base.empty()) return std::vector<Part>{};
  TRY(check_ours(Kept(base)));
  auto list = read_list(Kept(base).place);
  if (list) return list;
  return fail(Error::message(strings::cat("there is nothing to start a difference to ", base, " from"), ENOENT)
                  .because("its snapshot that both sides share is gone, or it was never sent or received")
                  .hint("send the container whole, without a base"));
}

Status run_btrfs(std::vector<std::string> arguments, int input, int output) {
  os::Command command;
  command.program = "btrfs";
  command.arguments = std::move(arguments);
  command.environment = os::own_environment();
  command.input_from = input;
  command.output_to = output;
  if (!os::has_program("btrfs"))
    return fail(Error::from_errno(ENOENT, "execve", "btrfs").hint("install the package btrfs-progs"));
  TRY(os::run_checked(command));
  return {};
}

// A directory for new snapshots, without those of one that was killed.
Status begin(const Kept& kept) {
  TRY(check_ours(kept));
  TRY(sys::ensure_directory(kept.above, kPrivate));
  TRY(sys::ensure_directory(kept.own, kPrivate));
  TRY(destroy_tree(kept.fresh));
  return sys::make_directory(kept.fresh, kPrivate);
}

Status finish(const Kept& kept) {
  TRY(check_ours(kept));
  if (!sys::exists(kept.place)) return sys::rename(kept.fresh, kept.place);
  TRY(sys::exchange(kept.fresh, kept.place));
  return destroy_tree(kept.fresh);
}

// Of the directories those that hold nothing.
Status remove_empty(const Kept& kept) {
  for (const std::string& directory : {kept.own, kept.above}) {
    const auto removed = sys::remove_directory(directory);
    if (removed || removed.error().code() == ENOENT) continue;
    return removed.error().code() == ENOTEMPTY ? Status{} : removed;
  }
  return {};
}

void take_back(const Kept& kept) {
  static_cast<void>(destroy_tree(kept.fresh));
  static_cast<void>(remove_empty(kept));
}

Result<Lineage> lineage_of(const std::string& path) {
  return lineage(TRY(sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)).get());
}

// --- sending ----------------------------------------------------------------------------------------------------------------
class Freezer {
 public:
  explicit Freezer(const std::string& path) : path_(path), kept_(path) {}

  // The word of the state.
  Result<std::string> run() {
    const Fd root = TRY(sys::open(path_, O_RDONLY | O_DIRECTORY));
    TRY(begin(kept_));
    auto word = freeze_all(root.get());
    if (!word) take_back(kept_);
    return word;
  }

 private:
  Result<std::string> freeze_all(int root) {
    fresh_ = TRY(sys::open(kept_.fresh, O_RDONLY | O_DIRECTORY));
    TRY(freeze(root, "", 0));
    TRY(write_list(kept_.fresh, parts_));
    return sent_uuid(TRY(sys::open(part_path(kept_.fresh, 0), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)).get());
  }

  Status freeze(int subvolume, const std::string& path, unsigned depth) {
    if (depth > kMaxDepth) return fail(Error::from_errno(ELOOP, "send", path));
    const Place place{TRY(sys::duplicate(fresh_.get())), strings::cat(parts_.size())};
    TRY_CONTEXT(snapshot_alone(subvolume, place), strings::cat("cannot make a snapshot of ", path_, "/", path));
    const Fd copy = TRY(sys::open_at(place.directory.get(), place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    parts_.push_back({path, is_read_only(subvolume)});
    for (const Nested& nested : TRY(nested_in(subvolume))) {
      const Fd child = TRY(open_nested(subvolume, nested));
      if (!TRY(make_way(copy.get(), nested.path))) continue;
      TRY(freeze(child.get(), path.empty() ? nested.path : strings::cat(path, "/", nested.path), depth + 1));
    }
    return seal(copy.get());
  }

  // The empty directory that stands for a subvolume is not sent, and would be in the way of a difference that comes back and
  // removes what is around it. Only an immutable one may stay. False: there is no place, it was made after the snapshot.
  static Result<bool> make_way(int copy, const std::string& path) {
    const auto place = place_below(copy, path);
    if (!place && place.error().code() == ENOENT) return false;
    if (!place) return fail(place.error());
    const auto removed = sys::unlink_at(place->directory.get(), place->name, AT_REMOVEDIR);
    if (removed || removed.error().code() == ENOENT || removed.error().code() == EPERM) return true;
    return fail(removed.error());
  }

  // A read-only snapshot of what was received would have that one's name on the other side, and so would every other snapshot of
  // it; a writable one has a name of its own.
  static Status seal(int copy) {
    if (!TRY(lineage(copy)).received.empty()) return fail("the kernel let a snapshot keep a name that is not its own", EINVAL);
    return set_read_only(copy, true);
  }

  const std::string& path_;
  Kept kept_;
  Fd fresh_;
  std::vector<Part> parts_;
};

class Sender {
 public:
  Sender(const std::string& path, const std::string& base, int output, Progress& progress)
      : path_(path), base_(base), kept_(path), output_(output), progress_(progress) {}

  Status run() {
    base_parts_ = TRY(base_list(base_));
    parts_ = TRY_CONTEXT(read_list(kept_.fresh), "nothing was kept that could be sent");
    progress_.begin("sending the root file system", 0);
    TRY(write(strings::cat(kMagic, "\n")));
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (progress_.cancelled()) return fail("the sending was cancelled", ECANCELED);
      const Part& part = parts_[i];
      TRY(write(strings::cat("subvolume ", part.path.size(), part.read_only ? " ro\n" : " rw\n", part.path, "\n")));
      TRY_CONTEXT(send_part(i), strings::cat("cannot send ", path_, "/", part.path));
      progress_.advance(0, 1);
    }
    return write(strings::cat(kEnd, "\n"));
  }

 private:
  Status send_part(std::size_t number) {
    std::vector<std::string> arguments{"-q", "send"};
    const auto earlier = std::ranges::find(base_parts_, parts_[number].path, &Part::path);
    if (earlier != base_parts_.end()) {
      const auto index = static_cast<std::size_t>(earlier - base_parts_.begin());
      arguments.insert(arguments.end(), {"-p", part_path(Kept(base_).place, index)});
    }
    arguments.insert(arguments.end(), {"--", part_path(kept_.fresh, number)});
    return run_btrfs(std::move(arguments), -1, output_);
  }

  Status write(std::string_view text) { return sys::write_all(output_, text, "the stream"); }

  const std::string& path_;
  const std::string& base_;
  Kept kept_;
  int output_;
  Progress& progress_;
  std::vector<Part> parts_, base_parts_;
};

// --- receiving --------------------------------------------------------------------------------------------------------------
std::unexpected<Error> malformed(std::string_view what) {
  return fail(Error::message("the stream is damaged", EBADMSG).because(what).hint("send it again"));
}

class Receiver {
 public:
  Receiver(const std::string& path, const std::string& base, int input, Progress& progress)
      : path_(path), base_(base), kept_(path), input_(input), progress_(progress) {}

  Status run() {
    if (sys::stat_link(path_)) return fail(Error::from_errno(EEXIST, "receive", path_));
    base_parts_ = TRY(base_list(base_));
    TRY(begin(kept_));
    Status received = receive_all();
    if (received) received = write_list(kept_.fresh, parts_);
    if (received) received = assemble();
    if (received) received = finish(kept_);
    if (received) return received;
    static_cast<void>(destroy_tree(path_));
    take_back(kept_);
    return received;
  }

 private:
  Status receive_all() {
    progress_.begin("receiving the root file system", 0);
    if (TRY(read_line()) != kMagic) return malformed("it does not begin like one of berth's from btrfs");
    for (;;) {
      if (progress_.cancelled()) return fail("the receiving was cancelled", ECANCELED);
      const std::string line = TRY(read_line());
      if (line == kEnd) return parts_.empty() ? malformed("it holds nothing") : Status{};
      TRY(receive_part(line));
      progress_.advance(0, 1);
    }
  }

  Status receive_part(const std::string& line) {
    const auto words = strings::split(line, ' ');
    const auto length = words.size() == 3 ? strings::parse_number<std::size_t>(words[1]) : std::nullopt;
    if (!length || words[0] != "subvolume" || *length > kLongestPath || parts_.size() == kMostSubvolumes)
      return malformed("a subvolume was expected");
    Part part{TRY(read_bytes(*length)), words[2] == "ro"};
    if (TRY(read_line()) != "" || !is_fit(part.path)) return malformed("the path of a subvolume is none");
    const std::size_t number = parts_.size();
    // In a chroot: a stream may name any path, and links of its own on the way.
    TRY(run_btrfs({"-q", "receive", "-C", "-e", "--", kept_.fresh}, input_, -1));
    if (!is_subvolume(part_path(kept_.fresh, number))) return malformed("a subvolume has another name than its number");
    TRY(check_start(part.path, TRY(lineage_of(part_path(kept_.fresh, number))).parent));
    parts_.push_back(std::move(part));
    return {};
  }

  // btrfs receive takes any subvolume of the file system for the start of a difference that says to be received from the same
  // one, and whoever owns a subvolume may say so. `parent`: what it took.
  Status check_start(const std::string& path, const std::string& parent) const {
    const auto earlier = std::ranges::find(base_parts_, path, &Part::path);
    if (earlier == base_parts_.end()) return parent.empty() ? Status{} : wrong_start(path);
    const auto index = static_cast<std::size_t>(earlier - base_parts_.begin());
    const Lineage own = TRY(lineage_of(part_path(Kept(base_).place, index)));
    if (parent == own.uuid || is_same_beside(path, own.sent(), parent)) return {};
    return wrong_start(path);
  }

  [[nodiscard]] std::unexpected<Error> wrong_start(const std::string& path) const {
    return fail(
        Error::message(strings::cat("the difference of ", path_, "/", path, " was not applied to the state that it needs"),
                       ESTALE)
            .because("another subvolume of the file system says to be received from the same one, or the stream is damaged")
            .hint("btrfs subvolume list -uR shows those that do; delete or move away what is not needed, then import again"));
  }

  // Of a container beside this one, which is another copy of the same.
  [[nodiscard]] bool is_same_beside(const std::string& path, const std::string& sent, const std::string& uuid) const {
    const auto name = base_.rfind('/'), directory = name == 0 ? 0 : base_.rfind('/', name - 1);
    const std::string top = base_.substr(0, directory);
    const auto containers = sys::list_directory(top + "/");
    if (!containers) return false;
    return std::ranges::any_of(*containers, [&](const sys::DirectoryEntry& container) {
      const Kept other(strings::cat(top, "/", container.name, base_.substr(name)));
      if (!is_ours(other)) return false;
      const auto list = read_list(other.place);
      if (!list) return false;
      const auto part = std::ranges::find(*list, path, &Part::path);
      if (part == list->end()) return false;
      const auto found = lineage_of(part_path(other.place, static_cast<std::size_t>(part - list->begin())));
      return found && found->uuid == uuid && found->sent() == sent;
    });
  }

  // The root comes first, and only it has no name.
  [[nodiscard]] bool is_fit(const std::string& path) const {
    if (parts_.empty() || path.empty()) return parts_.empty() && path.empty();
    const auto names = strings::split(path, '/');
    return std::ranges::none_of(names, [](std::string_view name) {
      return name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos;
    });
  }

  // Writable ones, each at its place.
  Status assemble() {
    TRY(put(0, TRY(place_of(path_))));
    const Fd root = TRY(sys::open(path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (std::size_t i = 1; i < parts_.size(); ++i) {
      const Place place = TRY(place_below(root.get(), parts_[i].path));
      const auto removed = sys::unlink_at(place.directory.get(), place.name, AT_REMOVEDIR);
      if (!removed && removed.error().code() != ENOENT) return fail(removed.error());
      TRY(put(i, place));
    }
    for (std::size_t i = parts_.size(); i-- > 0;) TRY(freeze_again(root.get(), parts_[i]));
    return commit(root.get());
  }

  Status put(std::size_t number, const Place& place) {
    const Fd source = TRY(sys::open(part_path(kept_.fresh, number), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return with_context(snapshot_tree(source.get(), place), strings::cat("cannot make ", path_, "/", parts_[number].path));
  }

  static Status freeze_again(int root, const Part& part) {
    if (!part.read_only || part.path.empty()) return {};
    const Place place = TRY(place_below(root, part.path));
    const Fd made = TRY(sys::open_at(place.directory.get(), place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return set_read_only(made.get(), true);
  }

  // No byte more: what follows is for btrfs.
  Result<std::string> read_line() {
    std::string line;
    for (;;) {
      const std::string byte = TRY(read_bytes(1));
      if (byte == "\n") return line;
      if (line.size() == kLongestLine) return malformed("a line of it has no end");
      line += byte;
    }
  }

  Result<std::string> read_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    for (std::size_t got = 0; got < count;) {
      const std::size_t more = TRY(sys::read_some(input_, {bytes.data() + got, count - got}, "the stream"));
      if (more == 0) return malformed("it ends too early");
      got += more;
    }
    return bytes;
  }

  const std::string& path_;
  const std::string& base_;
  Kept kept_;
  int input_;
  Progress& progress_;
  std::vector<Part> parts_, base_parts_;
};

}  // namespace

Result<std::string> begin_send(const std::string& path) { return Freezer(path).run(); }

Status end_send(const std::string& path, bool shared) {
  const Kept kept(path);
  if (!sys::exists(kept.fresh)) return {};
  if (shared) return finish(kept);
  TRY(check_ours(kept));
  TRY(destroy_tree(kept.fresh));
  return remove_empty(kept);
}

Status send_root(const std::string& path, const std::string& base, int output, Progress& progress) {
  return Sender(path, base, output, progress).run();
}

Status receive_root(const std::string& path, const std::string& base, int input, Progress& progress) {
  return Receiver(path, base, input, progress).run();
}

Result<std::string> shared_state(const std::string& path) {
  const Kept kept(path);
  TRY(check_ours(kept));
  const auto state = sys::open(part_path(kept.place, 0), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (state) return sent_uuid(state->get());
  if (state.error().code() == ENOENT) return std::string();
  return fail(state.error());
}

Status forget_sent(const std::string& path) {
  const Kept kept(path);
  TRY(check_ours(kept));
  if (!sys::stat_link(kept.own)) return {};
  TRY(destroy_tree(kept.fresh));
  TRY(destroy_tree(kept.place));
  return remove_empty(kept);
}

}  // namespace berth::storage::btrfs
