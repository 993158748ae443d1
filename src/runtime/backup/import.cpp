// Runs in: the command that imports a container.
#include "runtime/backup/import.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "config/mount_layers.hpp"
#include "config/parser.hpp"
#include "config/rewrite.hpp"
#include "os/paths.hpp"
#include "runtime/backup/apply.hpp"
#include "runtime/backup/archive_worker.hpp"
#include "runtime/backup/manifest.hpp"
#include "runtime/backup/stream_thread.hpp"
#include "runtime/durable.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/moved_config.hpp"
#include "runtime/new_directory.hpp"
#include "runtime/partial.hpp"
#include "runtime/root_journal.hpp"
#include "runtime/store_options.hpp"
#include "storage/block/size_text.hpp"
#include "storage/tree/attributes.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

using storage::archive::Message;
using storage::archive::Word;

constexpr mode_t kPrivate = 0700, kDirectoryMode = 0755;

// The container, or a snapshot of it, on its way out of the archive.
struct Unpacking {
  const PackedContainer* about = nullptr;
  Container container;
  std::string place;  // of its members: "" or "snapshots/NAME/"
  const storage::BackingStore* store = nullptr;
  storage::Specs specs{};
  std::string root{};
  std::string files{};  // directory that its files are unpacked to
  bool has_files = false, has_root = false;
};

// A file system for what the archive holds: its old size, else some more than the files take.
std::uint64_t enough(const PackedRoot& root) {
  constexpr std::uint64_t kLeast = 256ULL << 20;
  if (root.limit != 0) return root.limit;
  return root.bytes == 0 ? 0 : root.bytes + root.bytes / 4 + kLeast;
}

// Nobody is to let root's programs read what a stranger wrote, nor lose what he changed in a container, without having said so.
Status check_stream(const PackedStream& stream, const Container& target, const ImportRequest& request) {
  if (!request.incremental)
    return fail(Error::message("the archive is an incremental one", EPERM)
                    .because(stream.base.empty()
                                 ? strings::cat("'", stream.type, " receive' reads it as root")
                                 : strings::cat("'", stream.type, " receive' reads it as root, and what was changed in ",
                                                target.name(), " since the archive before it goes"))
                    .hint("where you trust its maker, and want that, add --incremental"));
  if (request.most_bytes != 0)
    return fail(Error::message("the size of what an incremental archive makes can't be limited", EOPNOTSUPP)
                    .because(strings::cat("'", stream.type, " receive' writes what it says"))
                    .hint("leave out --max-size"));
  const std::string_view wanted = request.bdev;
  if (wanted.empty() || wanted == stream.type) return {};
  return fail(
      Error::message(strings::cat("the archive holds a stream of ", stream.type, ", which no other storage reads"), EINVAL)
          .because(strings::cat("-B ", wanted))
          .hint("export the container without --incremental for another kind of storage"));
}

// What is applied to a container leaves it where and what it is, but for its files.
Status check_applied(const Container& target, const ImportRequest& request) {
  auto names = given_options(request.specs);
  if (request.keep_name) names.emplace_back("--keepname");
  if (request.keep_hwaddr) names.emplace_back("--keepmac");
  if (names.empty()) return {};
  std::string listed;
  for (const std::string_view name : names) listed += strings::cat(listed.empty() ? "" : ", ", name);
  Error error =
      Error::message(strings::cat(listed, " can't be used with an archive that is applied to a container"), EINVAL)
          .because(strings::cat(target.directory(),
                                " keeps the place and the limit of its root file system, its host name and its addresses"));
  if (request.specs.size == 0) return fail(std::move(error).hint("leave it out"));
  return fail(std::move(error).hint(strings::cat("leave it out; berth storage resize -P ", strings::shell_quote(target.lxcpath()),
                                                 " ", target.name(), " SIZE changes the limit")));
}

class Importer {
 public:
  Importer(const Manifest& manifest, const ImportRequest& request, ArchiveWorker& worker, Container target)
      : manifest_(manifest),
        request_(request),
        worker_(worker),
        progress_(request.progress == nullptr ? nobody_ : *request.progress),
        target_(std::move(target)),
        directory_(target_) {}

  Result<ImportOutcome> run() {
    auto outcome = work();
    if (outcome) return ImportOutcome{target_, std::move(notes_)};
    Error error = with_need(std::move(outcome.error()));
    if (const auto undone = undo(); !undone) error = with_way_out(std::move(error), target_, undone.error());
    return fail(std::move(error));
  }

 private:
  [[nodiscard]] std::string staging() const { return target_.directory() + "/importing"; }
  [[nodiscard]] bool renamed() const { return target_.name() != manifest_.container.name; }

  Status work() {
    TRY(plan());
    TRY_CONTEXT(claim(), strings::cat("cannot make ", target_.name()));
    claimed_ = true;
    TRY(sys::make_directory(staging(), kPrivate));
    progress_.begin("unpacking", expected());
    TRY(unpack());
    for (Unpacking& one : all_) TRY(finish(one));
    TRY(storage::remove_tree(staging()));
    progress_.begin("writing to the disk", 0);
    TRY(sync());
    TRY(directory_.complete());
    return forget_roots(target_.directory());
  }

  Status claim() {
    Status claimed = directory_.claim(NewDirectory::Existing::kNothing);
    if (claimed || claimed.error().code() != EEXIST || !manifest_.stream || !target_.defined()) return claimed;
    const std::string hint =
        strings::cat(claimed.error().hint(), "; or add --replace: what it has is replaced by what the archive has");
    return fail(std::move(claimed.error()).hint(hint));
  }

  Status undo() {
    worker_.end();  // it may still write, and keeps a device busy
    view_.reset();
    static_cast<void>(join_receiver());
    if (!claimed_) return {};
    for (const Unpacking& one : all_)
      if (one.has_root) TRY(one.store->destroy(one.root));
    TRY(forget_undone_roots(target_.directory()));
    return directory_.undo();
  }

  // --- what goes where -------------------------------------------------------------------------------------------------------
  Status plan() {
    Unpacking main{&manifest_.container, target_, ""};
    TRY(choose_store(main, target_.name()));
    all_.push_back(std::move(main));
    for (const PackedContainer& snapshot : manifest_.snapshots) {
      Unpacking one{&snapshot, TRY(Container::open(snapshot.name, target_.directory() + "/snaps")),
                    strings::cat("snapshots/", snapshot.name, "/")};
      TRY(choose_store(one, strings::cat(target_.name(), "-", snapshot.name)));
      all_.push_back(std::move(one));
    }
    return {};
  }

  // For people.
  [[nodiscard]] std::string root_of(const Unpacking& one) const {
    const bool main = one.about == &manifest_.container;
    return main ? "the root file system" : "the root file system of snapshot " + strings::printable(one.about->name);
  }

  Status choose_store(Unpacking& one, const std::string& pool_name) {
    if (!one.about->root) return {};
    const storage::Owner owner{one.container.directory(), pool_name};
    const storage::Specs given = given_for(one);
    const auto placed = [&](const std::string& bdev) -> Status {
      StoreChoice choice = TRY(runtime::choose_store(bdev, owner, given));
      one.store = choice.store;
      one.specs = std::move(choice.specs);
      one.root = std::move(choice.path);
      if (one.store->traits().is_block) keep_file_system(one, owner);
      return {};
    };
    if (manifest_.stream && one.about == &manifest_.container) return placed(manifest_.stream->type);
    if (!request_.bdev.empty()) return placed(request_.bdev);
    if (const auto store = storage::find_store(one.about->root->type)) TRY(check_options(**store, given));
    Status as_before = placed(one.about->root->type);
    if (as_before) return {};
    notes_.push_back(strings::cat(root_of(one), " becomes a directory; as '", one.about->root->type,
                                  "', which it was, it can't be made here: ", as_before.error().line()));
    return placed("dir") ? Status{} : std::move(as_before);  // a directory does not take the user's options either
  }

  // What the user asks for: the place that he names is the container's alone, and its snapshots have their usual ones.
  [[nodiscard]] storage::Specs given_for(const Unpacking& one) const {
    storage::Specs given = request_.specs;
    if (one.about == &manifest_.container) return given;
    for (std::string* place : {&given.directory, &given.logical_volume, &given.rbd_name}) place->clear();
    return given;
  }

  // Where the user does not say otherwise, the file system is of the size and type that it was.
  void keep_file_system(Unpacking& one, const storage::Owner& owner) {
    if (one.specs.size == 0) one.specs.size = enough(*one.about->root);
    const std::string& fstype = one.about->root->fstype;
    if (!one.specs.fstype.empty() || fstype.empty()) return;
    one.specs.fstype = fstype;
    const auto same = one.store->place(owner, one.specs);
    if (same) return;
    one.specs.fstype.clear();
    notes_.push_back(strings::cat(root_of(one), " is no ", fstype, ", which it was: ", same.error().line()));
  }

  // A quota that the old root had, where the new one can have one that what it holds now (not compressed, say) fits into.
  void keep_limit(const Unpacking& one) {
    const std::uint64_t limit = one.about->root->limit;
    const storage::Traits& traits = one.store->traits();
    if (limit == 0 || one.specs.size != 0 || traits.is_block) return;
    const Status limited = traits.can_resize ? one.store->resize(one.root, limit)
                                             : fail(strings::cat("storage of type '", traits.name, "' has no limits"));
    if (!limited)
      notes_.push_back(strings::cat(root_of(one), " may take more than the ", storage::block::size_text(limit),
                                    " that were its limit: ", limited.error().line()));
  }

  // What --max-size would have to be, or the room, as far as the archive says.
  [[nodiscard]] Error with_need(Error error) const {
    const bool too_large = error.code() == EFBIG && request_.most_bytes != 0 && expected() > request_.most_bytes;
    if (!too_large && error.code() != ENOSPC && error.code() != EDQUOT) return error;
    // A device has room for one root; where roots share a file system, they need it together.
    const bool alone = !too_large && current_ != nullptr && current_->store->traits().is_block;
    const std::uint64_t bytes = alone ? current_->about->root->bytes : expected();
    if (bytes == 0) return error;
    const std::string why = strings::cat(error.because(), error.because().empty() ? "" : "; ", "the archive says ",
                                         alone ? "that " + root_of(*current_) : "of itself that it", " takes some ",
                                         storage::block::size_text(bytes));
    return std::move(error).because(why);
  }

  [[nodiscard]] std::uint64_t expected() const {
    std::uint64_t bytes = 0;
    for (const Unpacking& one : all_) bytes += one.about->root ? one.about->root->bytes : 0;
    return bytes;
  }

  // --- unpacking -------------------------------------------------------------------------------------------------------------
  Status unpack() {
    for (;;) {
      auto next = worker_.next(progress_);
      if (!next) return fail(why_it_ended(std::move(next.error())));
      const Message message = std::move(*next);
      TRY(end_view());
      TRY(end_stream());
      if (message.word == Word::kDone) return worker_.finish();
      if (message.word != Word::kNeed) return fail("the archive worker says what nobody understands", EPROTO);
      const Fd directory = TRY(make_place(message.text));
      TRY(worker_.send(Word::kPlace, "", directory.get()));
    }
  }

  Result<Fd> make_place(const std::string& place) {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      Unpacking& one = all_[i];
      if (place == one.place + "container") return make_files_place(one, i);
      const bool streamed = manifest_.stream && i == 0;
      if (place == (streamed ? "stream" : one.place + "root") && one.store != nullptr)
        return streamed ? make_stream(one) : make_root(one);
    }
    return fail(
        Error::message(strings::cat("the archive has members that its manifest does not tell of: ", strings::printable(place)),
                       EBADMSG)
            .hint("it was not made by berth export, or has been tampered with: trust nothing of it"));
  }

  Result<Fd> make_files_place(Unpacking& one, std::size_t number) {
    one.files = strings::cat(staging(), "/", number);
    one.has_files = true;
    TRY(sys::make_directory(one.files, kPrivate));
    return confined(TRY(sys::open(one.files, O_RDONLY | O_DIRECTORY)), storage::Access::kWrite);
  }

  Result<Fd> make_root(Unpacking& one) {
    if (&one != &all_.front()) TRY(sys::ensure_directory(one.container.directory(), kDirectoryMode));
    current_ = &one;
    TRY(record_root(target_.directory(), *one.store, one.root));
    Status made = one.store->create(one.root, one.specs);
    TRY_CONTEXT(forget_if_taken(target_.directory(), *one.store, one.root, std::move(made)), "cannot make " + root_of(one));
    one.has_root = true;
    view_.emplace(TRY(open_view(one)));
    Fd directory = TRY(sys::open(view_->directory(), O_RDONLY | O_DIRECTORY));
    TRY(storage::forget_inherited(directory.get(), view_->directory()));
    return confined(std::move(directory), storage::Access::kWrite);
  }

  static Result<storage::View> open_view(const Unpacking& one) {
    return storage::View::open(TRY(one.store->attach(one.root, storage::Access::kWrite)), storage::Access::kWrite);
  }

  // The store reads it in a thread of its own; its end of the pipe goes to the worker.
  Result<Fd> make_stream(const Unpacking& one) {
    TRY(record_root(target_.directory(), *one.store, one.root));
    auto [reading, writing] = TRY(sys::make_pipe());
    widen_pipe(writing.get());
    auto input = std::make_shared<Fd>(std::move(reading));
    receiver_.emplace(TRY(StreamThread::start([this, &one, input] {
      Status received = one.store->receive(one.root, "", input->get(), progress_);
      *input = Fd();
      return forget_if_taken(target_.directory(), *one.store, one.root, std::move(received));
    })));
    return std::move(writing);
  }

  // The root is there then, unless it failed.
  Status join_receiver() {
    if (!receiver_) return {};
    Status received = receiver_->join();
    receiver_.reset();
    all_.front().has_root = received.has_value();
    return received;
  }

  Status end_stream() {
    if (!receiver_) return {};
    TRY(join_receiver());
    const Unpacking& one = all_.front();
    TRY(check_received(*manifest_.stream, *one.store, one.root));
    TRY(one.store->moved(one.root, {one.container.directory(), one.container.name()}));
    if (request_.specs.size != 0)
      TRY_CONTEXT(one.store->resize(one.root, request_.specs.size), "cannot limit the root file system");
    if (!renamed() || request_.keep_name) return {};
    storage::View view = TRY(open_view(one));
    TRY(write_hostname(view.directory(), target_.name()));
    return view.close();
  }

  // A worker that can't write the stream knows less than who should have read it.
  Error why_it_ended(Error error) {
    if (!receiver_) return error;
    worker_.end();
    Status received = join_receiver();
    return error.code() == EPIPE && !received ? std::move(received.error()) : error;
  }

  // Its members are all there.
  Status end_view() {
    if (!view_) return {};
    const bool main = current_ == &all_.front();
    if (main && renamed() && !request_.keep_name) TRY(write_hostname(view_->directory(), target_.name()));
    Status closed = view_->close();
    view_.reset();
    TRY(std::move(closed));
    TRY(current_->store->moved(current_->root, {current_->container.directory(), current_->container.name()}));
    keep_limit(*current_);
    current_ = nullptr;
    return {};
  }

  // --- the configuration -----------------------------------------------------------------------------------------------------
  // Every path below the old directory lies below the new one.
  static std::string moved(std::string_view word, const Unpacking& one) {
    const std::string path = word.starts_with('/') ? os::normalise(word) : std::string(word);
    if (!os::is_below(path, one.about->directory)) return std::string(word);
    return strings::cat(one.container.directory(), path.substr(one.about->directory.size()));
  }

  [[nodiscard]] std::string moved_text(const std::string& text, const Unpacking& one) const {
    const auto edit_path = [&](std::string_view word) {
      const std::string own = moved(word, one);
      return own == word ? moved(word, all_.front()) : own;
    };
    return config::rewrite_values(text, [&](std::string_view key, std::string_view value) -> std::optional<std::string> {
      if (key != "lxc.mount.entry") return config::rewrite_words(value, ": \t", edit_path);
      return config::rewrite_words(value, strings::kBlanks, [&](std::string_view word) {
        if (word.starts_with('/')) return config::rewrite_words(word, ":", edit_path);
        return config::edit_layers_of_field(word, [&](config::Layer, const std::string& path) { return edit_path(path); });
      });
    });
  }

  Result<std::string> new_config(const Unpacking& one, const std::string& text) {
    const bool copy = renamed() && &one == &all_.front();
    config::Conf conf;
    TRY_CONTEXT(config::load_text(conf, moved_text(text, one), "the archive's configuration"),
                "the configuration in the archive can't be used here");
    ConfigMove move;
    move.from = move.to = one.container.directory();
    move.everything = true;
    move.new_hwaddr = copy && !request_.keep_hwaddr;
    if (copy && !request_.keep_name) move.name = target_.name();
    if (one.store != nullptr) {
      move.from_root = os::normalise(conf.rootfs.path);
      move.to_root = one.root;
      move.rootfs_value = storage::rootfs_value(*one.store, one.root);
    }
    if (&one == &all_.front()) tell_hooks(conf);
    return TRY(move_config(conf, move)).text;
  }

  // Its programs run on the host, as its root: who imports it should know.
  void tell_hooks(const config::Conf& conf) {
    std::size_t count = 0;
    for (const auto& commands : conf.hooks.commands) count += commands.size();
    if (count > 0)
      notes_.push_back(strings::cat("its configuration runs ", count, count == 1 ? " hook" : " hooks",
                                    ", programs on this host: look at lxc.hook.* before you start it"));
  }

  Status finish(Unpacking& one) {
    if (!one.has_files || (one.store != nullptr && !one.has_root))
      return fail(Error::message("the archive lacks what its manifest tells of", EBADMSG)
                      .hint("it was not made by berth export, or has been tampered with: trust nothing of it"));
    const std::string directory = one.container.directory();
    TRY(sys::ensure_directory(directory, kDirectoryMode));
    for (const auto& [member, path] : one.about->files) TRY(put_file(one, member, path));
    const std::string packed = one.files + "/config";
    const auto like = TRY(sys::kind_of(packed));
    const std::string text = TRY(new_config(one, TRY(sys::read_file(packed))));
    TRY_CONTEXT(sys::create_file_like(one.container.config_file(), text, like), "cannot write the configuration");
    TRY(sys::chown(directory, one.about->uid, one.about->gid));
    return sys::chmod(directory, one.about->mode);
  }

  // The manifest's paths have no "..", and all directories on the way were made here.
  static Status put_file(const Unpacking& one, const std::string& member, const std::string& path) {
    const std::string target = strings::cat(one.container.directory(), "/", path);
    TRY(sys::ensure_directory(std::string(os::parent(target)), kDirectoryMode));
    if (sys::stat_link(target)) return fail(Error::message(strings::cat("the archive has two files for ", target), EEXIST));
    return sys::rename(strings::cat(one.files, "/", member), target);
  }

  Status sync() {
    std::vector<std::string> places{target_.directory()};
    for (const Unpacking& one : all_)
      if (one.store != nullptr && !one.store->traits().is_block && sys::exists(one.root)) places.push_back(one.root);
    for (const std::string& place : places) TRY(sync_filesystem_of(place));
    return {};
  }

  const Manifest& manifest_;
  const ImportRequest& request_;
  ArchiveWorker& worker_;
  storage::Progress nobody_;
  storage::Progress& progress_;
  Container target_;
  NewDirectory directory_;
  std::vector<Unpacking> all_;  // the container first
  std::vector<std::string> notes_;
  std::optional<storage::View> view_;
  std::optional<StreamThread> receiver_;
  const Unpacking* current_ = nullptr;
  bool claimed_ = false;
};

// What a killed creation left is no container yet: it goes as it always does.
Result<bool> is_to_be_replaced(const Container& target, const ImportRequest& request) {
  return request.replace && target.defined() && TRY(creation_state(target.directory())) == Creation::kNone;
}

Result<ImportOutcome> import_any(int input, const ImportRequest& request) {
  storage::Progress nobody;
  const Fd nothing = TRY(sys::open("/dev/null", O_WRONLY));
  ArchiveWorker worker = TRY(ArchiveWorker::start(
      {"unpack", std::to_string(request.most_bytes), std::to_string(request.most_bytes), request.any_device ? "1" : "0"}, input,
      nothing.get()));
  const Message first = TRY(worker.next(request.progress == nullptr ? nobody : *request.progress));
  if (first.word != Word::kManifest) return fail("the archive worker says what nobody understands", EPROTO);
  const Manifest manifest = TRY(parse_manifest(first.text));
  Container target = TRY(Container::open(request.name.empty() ? manifest.container.name : request.name, request.lxcpath));
  const bool is_applied = manifest.stream && (!manifest.stream->base.empty() || TRY(is_to_be_replaced(target, request)));
  if (is_applied && request.incremental && target.defined()) TRY(check_applied(target, request));
  if (manifest.stream) TRY(check_stream(*manifest.stream, target, request));
  if (is_applied) {
    auto notes = TRY(apply_incremental(manifest, target, worker, request));
    return ImportOutcome{std::move(target), std::move(notes)};
  }
  return Importer(manifest, request, worker, std::move(target)).run();
}

}  // namespace

Result<ImportOutcome> import_container(int input, const ImportRequest& request) {
  return with_context(import_any(input, request), "cannot import");
}

}  // namespace berth::runtime
