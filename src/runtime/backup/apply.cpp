// Runs in: the command that imports a container.
#include "runtime/backup/apply.hpp"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/backup/stream_thread.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/restore_in_place.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

using storage::archive::Message;
using storage::archive::Word;

constexpr mode_t kPrivate = 0700;
constexpr const char* kUnpacked = "/unpacked";
constexpr std::string_view kImported = "imported";
constexpr std::string_view kMarker = "/.made-by-berth-import";  // in that directory; without it, it is somebody else's

bool is_regular(const std::string& path) {
  const auto info = sys::stat_link(path);
  return info && S_ISREG(info->st_mode);
}

class Applier final : public RootMaker {
 public:
  Applier(const Manifest& manifest, const Container& target, ArchiveWorker& worker, const ImportRequest& request)
      : manifest_(manifest),
        stream_(*manifest.stream),
        target_(target),
        worker_(worker),
        progress_(request.progress == nullptr ? nobody_ : *request.progress) {}

  Status check(const storage::BackingStore& store, const std::string& root) override {
    TRY(check_place());
    if (stream_.base.empty()) return check_type(store);
    const std::string state = store.traits().name == stream_.type ? TRY(store.shared_state(root)) : std::string();
    if (state == stream_.base) return {};
    const std::string has = store.traits().name != stream_.type ? strings::cat("is of type '", store.traits().name, "'")
                            : state.empty()                     ? std::string("was not imported from an incremental archive")
                                                                : strings::cat("is at ", state);
    return fail(Error::message(strings::cat("the archive does not follow on what ", target_.name(), " has"), EINVAL)
                    .because(strings::cat("it needs the state ", stream_.base, " (", stream_.type, "), and the container ", has))
                    .hint("import the archives in the order in which they were made, the whole one first; one whose export was "
                          "cut short may have to be left out; where one is lost, berth export -i --full makes a whole one, which "
                          "berth import -i --replace takes"));
  }

  Status make(const storage::BackingStore& store, const std::string& root, const std::string& made,
              const std::string& directory) override {
    progress_.begin("unpacking", 0);
    Status outcome = take(store, root, made, directory);
    if (!outcome) worker_.end();  // which ends the receiver too
    if (receiver_) {
      Status received = receiver_->join();
      receiver_.reset();
      if (!outcome && outcome.error().code() == EPIPE && !received) return received;
      if (outcome) outcome = std::move(received);
    }
    TRY(std::move(outcome));
    if (!has_stream_) return fail(Error::message("the archive lacks the stream that its manifest tells of", EBADMSG));
    TRY(check_received(stream_, store, made));
    TRY(keep_files(directory));
    return name_it(store, made);
  }

  // The state before was the old root's too.
  Status tidy(const storage::BackingStore& store, const std::string& root) override { return store.end_send(root, true); }

 private:
  [[nodiscard]] std::string place() const { return strings::cat(target_.directory(), "/", kImported); }

  // The directory for the archive's configuration is replaced: it must be absent, or of an earlier import.
  [[nodiscard]] Status check_place() const {
    const auto info = sys::stat_link(place());
    if (!info && info.error().code() == ENOENT) return {};
    if (!info) return fail(info.error());
    if (S_ISDIR(info->st_mode) && is_regular(strings::cat(place(), kMarker))) return {};
    return fail(Error::message(strings::cat(place(), " is in the way"), EEXIST)
                    .because("the archive's configuration is put there, and no import made what is there")
                    .hint("give it another name"));
  }

  // A whole one follows on everything of its type.
  [[nodiscard]] Status check_type(const storage::BackingStore& store) const {
    if (store.traits().name == stream_.type) return {};
    return fail(Error::message(strings::cat("the archive can't take the place of what ", target_.name(), " has"), EINVAL)
                    .because(strings::cat("it holds a stream of ", stream_.type, ", and the container is of type '",
                                          store.traits().name, "'"))
                    .hint("import it under another name"));
  }

  Status take(const storage::BackingStore& store, const std::string& root, const std::string& made,
              const std::string& directory) {
    for (;;) {
      const Message message = TRY(worker_.next(progress_));
      if (message.word == Word::kDone) return worker_.finish();
      if (message.word != Word::kNeed) return fail("the archive worker says what nobody understands", EPROTO);
      const Fd place = TRY(place_for(message.text, store, root, made, directory));
      TRY(worker_.send(Word::kPlace, "", place.get()));
    }
  }

  Result<Fd> place_for(const std::string& name, const storage::BackingStore& store, const std::string& root,
                       const std::string& made, const std::string& directory) {
    if (name == "container") {
      has_files_ = true;
      TRY(sys::make_directory(directory + kUnpacked, kPrivate));
      return confined(TRY(sys::open(directory + kUnpacked, O_RDONLY | O_DIRECTORY)), storage::Access::kWrite);
    }
    if (name != "stream" || has_stream_)
      return fail(
          Error::message(strings::cat("the archive has members that its manifest does not tell of: ", strings::printable(name)),
                         EBADMSG)
              .hint("it was not made by berth export, or has been tampered with: trust nothing of it"));
    has_stream_ = true;
    auto [reading, writing] = TRY(sys::make_pipe());
    widen_pipe(writing.get());
    auto input = std::make_shared<Fd>(std::move(reading));
    receiver_.emplace(TRY(StreamThread::start([this, &store, root, made, input] {
      Status received = store.receive(made, stream_.base.empty() ? "" : root, input->get(), progress_);
      *input = Fd();
      return received;
    })));
    return std::move(writing);
  }

  // The configuration and what it names, for whoever wants them: they take their place together with the root. The manifest's
  // paths have no "..", and all directories on the way are made here.
  Status keep_files(const std::string& directory) const {
    if (!has_files_) return fail(Error::message("the archive lacks the configuration", EBADMSG));
    TRY(check_place());  // again: it took a while
    const std::string kept = strings::cat(directory, "/new/", kImported);
    TRY(sys::make_directory(kept, kPrivate));
    TRY(sys::replace_file(strings::cat(kept, kMarker), "The next import replaces this directory.\n"));
    TRY(sys::rename(directory + kUnpacked + "/config", kept + "/config"));
    for (const auto& [member, path] : manifest_.container.files) {
      const std::string target = strings::cat(kept, "/", path);
      TRY(sys::ensure_directory(std::string(os::parent(target)), kPrivate));
      if (sys::stat_link(target)) return fail(Error::message(strings::cat("the archive has two files for ", path), EEXIST));
      TRY(sys::rename(strings::cat(directory, kUnpacked, "/", member), target));
    }
    return {};
  }

  // A copy under another name has its own in its files, as a whole import gave it.
  Status name_it(const storage::BackingStore& store, const std::string& made) {
    const std::string own = TRY(target_.load()).uts_name;
    if (own.empty() || own == manifest_.container.host_name) return {};
    storage::View view = TRY(storage::View::open(TRY(store.attach(made, storage::Access::kWrite)), storage::Access::kWrite));
    TRY(write_hostname(view.directory(), own));
    return view.close();
  }

  const Manifest& manifest_;
  const PackedStream& stream_;
  const Container& target_;
  ArchiveWorker& worker_;
  storage::Progress nobody_;
  storage::Progress& progress_;
  std::optional<StreamThread> receiver_;
  bool has_stream_ = false, has_files_ = false;
};

}  // namespace

Status check_received(const PackedStream& stream, const storage::BackingStore& store, const std::string& root) {
  const std::string state = TRY(store.shared_state(root));
  if (state == stream.id && !state.empty()) return {};
  return fail(Error::message("the archive's stream is another one than its manifest tells of", EBADMSG)
                  .because(strings::cat("it makes the state ", state, ", not ", stream.id)));
}

Result<std::vector<std::string>> apply_incremental(const Manifest& manifest, const Container& target, ArchiveWorker& worker,
                                                   const ImportRequest& request) {
  if (!target.defined())
    return fail(Error::message(strings::cat("there is no container ", target.name(), " to apply the archive to"), ENOENT)
                    .because(strings::cat("it is incremental: it needs the state ", manifest.stream->base, " (",
                                          manifest.stream->type, ")"))
                    .hint("import the whole archive first, then those that follow, in their order"));
  const std::string imported = strings::cat(target.directory(), "/", kImported);
  const std::string before = sys::read_file(imported + "/config").value_or("");
  Applier applier(manifest, target, worker, request);
  TRY(replace_root(target, applier));
  if (sys::read_file(imported + "/config").value_or("") == before) return std::vector<std::string>{};
  return std::vector{strings::cat("its configuration stays as it was; that of the archive is in ", imported)};
}

}  // namespace berth::runtime
