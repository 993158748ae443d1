// Runs in: the command that exports a container.
#include "runtime/backup/export.hpp"

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/backup/archive_file.hpp"
#include "runtime/backup/archive_worker.hpp"
#include "runtime/backup/manifest.hpp"
#include "runtime/backup/stream_thread.hpp"
#include "runtime/hold.hpp"
#include "runtime/moved_config.hpp"
#include "runtime/root_directories.hpp"
#include "runtime/snapshot.hpp"
#include "storage/tree/measure_tree.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

using storage::archive::Word;

constexpr mode_t kPermissions = 07777, kManifestMode = 0644;

Result<std::string> now_as_text() {
  const std::time_t now = ::time(nullptr);
  struct ::tm parts{};
  if (::gmtime_r(&now, &parts) == nullptr) return fail("this moment has no date");
  char text[32];
  const std::size_t length = ::strftime(&text[0], sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(&text[0], length);
}

struct PackedFile {
  std::string member;       // below the place
  std::string path;         // on the host
  bool may_be_link = true;  // what the user names in the configuration; not what only berth writes
};

// A container or one of its snapshots, on its way into the archive.
struct Packing {
  Container container;
  config::Conf conf;
  PackedContainer about;
  std::vector<PackedFile> files;
};

// FIFOs and devices are never waited for, whatever took the place of the file since it was found.
Result<Fd> open_file(const PackedFile& file) {
  Fd opened = TRY(sys::open(file.path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (file.may_be_link ? 0 : O_NOFOLLOW)));
  if (S_ISREG(TRY(sys::stat_fd(opened.get())).st_mode)) return opened;
  return fail(Error::message(strings::cat(file.path, " is no regular file any more"), EAGAIN).hint("export it again"));
}

// Regular files that the configuration names and that lie in the directory; of a snapshot also what was noted of it.
Status find_files(Packing& packing) {
  const std::string directory = packing.container.directory();
  ConfigMove move{.from = directory, .to = directory, .from_root = {}, .to_root = {}, .rootfs_value = {}, .name = {}};
  std::vector<std::string> paths;
  for (auto& [path, target] : TRY(move_config(packing.conf, move)).files)
    if (S_ISREG(TRY(sys::stat(path)).st_mode)) paths.push_back(path);
  std::ranges::sort(paths);
  paths.erase(std::ranges::unique(paths).begin(), paths.end());
  const auto add = [&](const std::string& path, bool may_be_link) {
    const std::string member = std::to_string(packing.files.size());
    packing.about.files.emplace_back(member, path.substr(directory.size() + 1));
    packing.files.push_back({member, path, may_be_link});
  };
  for (const std::string& path : paths)
    if (os::is_below(path, directory)) add(path, true);
  for (const char* name : {"/ts", "/comment"}) {
    const std::string path = directory + name;
    const auto info = sys::stat_link(path);
    if (info && S_ISREG(info->st_mode) && std::ranges::find(paths, path) == paths.end()) add(path, false);
  }
  return {};
}

Result<Packing> describe(const Container& container) {
  Packing packing{container, TRY(container.load()), {}, {}};
  const auto info = TRY(sys::stat(container.directory()));
  PackedContainer& about = packing.about;
  about.name = container.name();
  about.host_name = packing.conf.uts_name;
  about.directory = container.directory();
  about.uid = info.st_uid;
  about.gid = info.st_gid;
  about.mode = info.st_mode & kPermissions;
  TRY(find_files(packing));
  return packing;
}

// What is packed, as it stood when that began. Single files that vanish meanwhile are left out of the archive; when a whole tree
// went, or another was put in its place, what was packed is no backup.
class Places {
 public:
  Status add(const std::string& directory) {
    const auto info = TRY(sys::stat(directory));
    places_.push_back({directory, info.st_dev, info.st_ino});
    return {};
  }

  // A root on a device is mounted, and a file system that is mounted does not go.
  Status add_root(const storage::BackingStore& store, const std::string& path) {
    if (store.traits().is_block || !path.starts_with('/')) return {};
    for (const std::string& directory : root_directories(path)) TRY(add(directory));
    return {};
  }

  Status add(const Container& container) {
    configs_.push_back(container.config_file());
    return add(container.directory());
  }

  [[nodiscard]] Status check() const {
    for (const std::string& config : configs_)
      if (!sys::exists(config)) return fail(gone(config));
    for (const auto& place : places_) {
      const auto info = sys::stat(place.path);
      if (!info || info->st_dev != place.device || info->st_ino != place.inode) return fail(gone(place.path));
    }
    return {};
  }

 private:
  struct Place {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  static Error gone(const std::string& path) {
    return Error::message("the archive is not complete: what it was made from went meanwhile", ESTALE)
        .because(strings::cat(path, " was removed or replaced"))
        .hint("export it again");
  }
  std::vector<Place> places_;
  std::vector<std::string> configs_;
};

// How much it is, and on what file system. What can't be told is left out: where the root can't be read, packing it says so.
PackedRoot describe_root(const storage::BackingStore& store, const std::string& path, const std::string& as_configured) {
  PackedRoot root{std::string(store.traits().name), as_configured};
  const auto usage = store.usage(path);
  if (usage) {
    root.bytes = usage->used;
    root.limit = usage->limit.value_or(0);
  }
  if (usage && !store.traits().is_block) return root;
  auto attachment = store.attach(path, storage::Access::kRead);
  if (!attachment) return root;
  if (store.traits().is_block) root.fstype = attachment->mount.fstype;
  if (usage) return root;
  if (auto view = storage::View::open(std::move(*attachment), storage::Access::kRead))
    root.bytes = storage::measure_tree(view->directory()).value_or(0);
  return root;
}

// Room that runs out is told of the archive; what the compressor or the kernel were doing then is of no use to anybody.
Status name_the_target(Status outcome, const std::string& target) {
  if (outcome) return outcome;
  const int code = outcome.error().code();
  std::string_view why = "there is no room left on its file system";
  if (code == EDQUOT) why = "its owner's quota is used up";
  if (code == EFBIG) why = "its file system, or a limit of this process, allows no larger file";
  if (code == EPIPE)
    return fail(Error::message(strings::cat("cannot write ", target), code)
                    .because("its reader went away (EPIPE)")
                    .hint("look at what the program that reads it says"));
  if (code != ENOSPC && code != EDQUOT && code != EFBIG) return outcome;
  return fail(Error::message(strings::cat("cannot write ", target), code)
                  .because(why)
                  .hint("make room there, or name a file on another file system"));
}

class Exporter {
 public:
  // `target`: what the user calls the output.
  Exporter(const Container& container, const ExportRequest& request, const std::string& target)
      : container_(container),
        request_(request),
        target_(target),
        progress_(request.progress == nullptr ? nobody_ : *request.progress) {}

  // Whether there can be an archive of it, as far as that is known before it is held.
  Status check() {
    TRY(check_defined(container_));
    TRY(check_complete(container_));
    const config::Conf conf = TRY(container_.load());
    return request_.incremental ? check_can_send(conf) : Status{};
  }

  // `keep` brings what was written to where it stays.
  Result<ExportOutcome> run(int output, const std::function<Status()>& keep) {
    TRY(check());
    const config::Conf before = TRY(container_.load());
    const Stillness how = request_.incremental ? Stillness::kStream : request_.stillness;
    StillContainer still = TRY(StillContainer::hold(container_, before, how));
    Packing packing = TRY(describe(container_));  // from here on nobody destroys or restores it
    TRY(check_same_root(before, packing.conf));
    Status outcome = name_the_target(pack(packing, still, output), target_);
    if (outcome) outcome = keep();
    // Not before: a difference to an archive that was lost is of no use. Killed in between, the next one starts where this one
    // did.
    if (outcome && stream_)
      outcome = with_context(still.keep_state(), "the archive is complete, but not where the next one starts");
    Status released = still.release();
    TRY(std::move(outcome));
    TRY(std::move(released));
    return stream_ ? ExportOutcome{stream_->id, stream_->base} : ExportOutcome{};
  }

 private:
  static Status check_same_root(const config::Conf& before, const config::Conf& now) {
    if (before.rootfs.path == now.rootfs.path && before.rootfs.type == now.rootfs.type) return {};
    return fail(Error::message("another process has given the container another root file system", EAGAIN).hint("repeat it"));
  }

  static Status check_can_send(const config::Conf& conf) {
    const auto* store = conf.rootfs.path.empty() ? nullptr : TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
    if (store != nullptr && store->traits().can_send) return {};
    return fail(Error::message("there are no incremental archives of this container", EOPNOTSUPP)
                    .because(store == nullptr ? std::string("it has no root file system")
                                              : strings::cat("storage of type '", store->traits().name,
                                                             "' can't tell what has changed; btrfs and zfs can"))
                    .hint("export it whole, without --incremental")
                    .set_by(conf.origin("lxc.rootfs.path")));
  }

  Status pack(Packing& packing, const StillContainer& still, int output) {
    if (still.store() != nullptr) packing.about.root = describe_root(*still.store(), still.root(), packing.conf.rootfs.path);
    TRY(places_.add(container_));
    if (still.store() != nullptr) TRY(places_.add_root(*still.store(), still.root()));
    if (request_.snapshots) TRY(find_snapshots());
    if (request_.incremental) TRY(plan_stream(still));
    const Fd nothing = TRY(sys::open("/dev/null", O_RDONLY));
    ArchiveWorker worker = TRY(ArchiveWorker::start(
        {"pack", request_.compression, std::to_string(request_.threads), std::to_string(request_.level)}, nothing.get(), output));
    TRY(send_manifest(worker, packing));
    progress_.begin("packing", expected(packing));
    TRY(send_files(worker, packing, "container"));
    if (stream_) return send_stream(still, worker);
    if (still.store() != nullptr) TRY(send_root(*still.store(), still.root(), "root", worker));
    for (const Packing& snapshot : snapshots_) TRY(send_snapshot(worker, snapshot));
    TRY(worker.send(Word::kEnd, ""));
    return end(worker);
  }

  Status plan_stream(const StillContainer& still) {
    stream_ = PackedStream{std::string(still.store()->traits().name), still.state(), ""};
    if (!request_.whole) stream_->base = TRY(still.store()->shared_state(still.root()));
    if (stream_->id == stream_->base)  // import could not tell them apart
      return fail(
          Error::message(strings::cat("the storage gave two states one name: ", stream_->id), EEXIST).hint("export with --full"));
    return {};
  }

  // The store writes into a pipe that the worker reads, in a thread of its own: here it is heard how far the worker is.
  Status send_stream(const StillContainer& still, ArchiveWorker& worker) {
    auto [reading, writing] = TRY(sys::make_pipe());
    widen_pipe(writing.get());
    TRY(worker.send(Word::kStream, "stream", reading.get()));
    reading = Fd();
    const std::string base = stream_->base.empty() ? "" : still.root();
    StreamThread sender = TRY(StreamThread::start([&, &out = writing] {
      Status sent = still.store()->send(still.root(), base, out.get(), progress_);
      out = Fd();
      Status told = worker.send(sent ? Word::kEnd : Word::kStop, "");
      return sent ? std::move(told) : std::move(sent);
    }));
    Status packed = end(worker);
    if (!packed) worker.end();  // which ends the sender too
    Status sent = sender.join();
    if (!sent && !packed && packed.error().code() == ECANCELED && !progress_.cancelled()) return sent;
    return packed ? std::move(sent) : std::move(packed);
  }

  Status find_snapshots() {
    for (const Snapshot& snapshot : TRY(list_snapshots(container_))) {
      const Container source = TRY(Container::open(snapshot.name, snapshot.lxcpath));
      locks_.push_back(TRY_CONTEXT(lock_whole(source, ""), strings::cat("snapshot ", snapshot.name)));
      if (!source.defined()) continue;  // it was destroyed before this could begin
      Packing packing = TRY_CONTEXT(describe(source), snapshot.name);
      packing.about.timestamp = std::string(strings::trim(snapshot.timestamp));
      const auto& rootfs = packing.conf.rootfs;
      TRY(places_.add(source));
      if (!rootfs.path.empty()) {
        const auto* store = TRY(storage::store_of(rootfs.type, rootfs.path));
        packing.about.root = describe_root(*store, rootfs.path, rootfs.path);
        TRY(places_.add_root(*store, rootfs.path));
      }
      snapshots_.push_back(std::move(packing));
    }
    return {};
  }

  [[nodiscard]] std::uint64_t expected(const Packing& packing) const {
    std::uint64_t bytes = packing.about.root ? packing.about.root->bytes : 0;
    for (const Packing& snapshot : snapshots_) bytes += snapshot.about.root ? snapshot.about.root->bytes : 0;
    return bytes;
  }

  Status send_manifest(ArchiveWorker& worker, const Packing& packing) {
    Manifest manifest{.made_by = request_.made_by, .created = TRY(now_as_text()), .container = packing.about};
    for (const Packing& snapshot : snapshots_) manifest.snapshots.push_back(snapshot.about);
    manifest.stream = stream_;
    const Fd file = TRY(sys::memfd("manifest", 0));
    TRY(sys::write_all(file.get(), manifest_text(manifest), "the manifest"));
    TRY(sys::chmod(strings::cat("/proc/self/fd/", file.get()), kManifestMode));
    return worker.send(Word::kFile, "berth-manifest.json", file.get());
  }

  // What is sent stays open here until the worker is done: a root's View must not go before.
  static Status send_files(ArchiveWorker& worker, const Packing& packing, const std::string& place) {
    const Fd config = TRY(open_file({"config", packing.container.config_file()}));
    TRY(worker.send(Word::kFile, place + "/config", config.get()));
    for (const PackedFile& packed : packing.files) {
      const Fd file = TRY(open_file(packed));
      TRY(worker.send(Word::kFile, strings::cat(place, "/", packed.member), file.get()));
    }
    return {};
  }

  Status send_root(const storage::BackingStore& store, const std::string& path, const std::string& place, ArchiveWorker& worker) {
    storage::View view = TRY(storage::View::open(TRY(store.attach(path, storage::Access::kRead)), storage::Access::kRead));
    const Fd directory = TRY(confined(TRY(sys::open(view.directory(), O_RDONLY | O_DIRECTORY)), storage::Access::kRead));
    TRY(worker.send(Word::kTree, place, directory.get()));
    views_.push_back(std::move(view));
    return {};
  }

  Status send_snapshot(ArchiveWorker& worker, const Packing& snapshot) {
    const std::string place = "snapshots/" + snapshot.about.name;
    TRY(send_files(worker, snapshot, place + "/container"));
    const auto& rootfs = snapshot.conf.rootfs;
    if (rootfs.path.empty()) return {};
    return send_root(*TRY(storage::store_of(rootfs.type, rootfs.path)), rootfs.path, place + "/root", worker);
  }

  Status end(ArchiveWorker& worker) {
    const auto last = TRY(worker.next(progress_));
    if (last.word != Word::kDone) return fail("the archive worker says what nobody understands", EPROTO);
    TRY(worker.finish());
    for (auto& view : views_) TRY(view.close());
    TRY(places_.check());
    locks_.clear();
    return {};
  }

  const Container& container_;
  const ExportRequest& request_;
  const std::string& target_;
  storage::Progress nobody_;
  storage::Progress& progress_;
  std::vector<os::FileLock> locks_;  // of the snapshots, taken after the container's
  Places places_;
  std::vector<Packing> snapshots_;
  std::vector<storage::View> views_;
  std::optional<PackedStream> stream_;
};

Status check_parent(const std::string& path) {
  const std::string parent = directory_of(path);
  const auto there = sys::stat(parent);
  if (!there && there.error().code() == ENOENT)
    return fail(Error::message(strings::cat("there is no directory ", parent), ENOENT).hint("make it, or name another"));
  if (!there) return fail(there.error());
  return S_ISDIR(there->st_mode) ? Status{} : fail(Error::message(parent + " is no directory", ENOTDIR));
}

Result<std::string> real_path(const std::string& path) {
  const Fd file = TRY(sys::open(path, O_PATH));
  return sys::read_link(strings::cat("/proc/self/fd/", file.get()));
}

// A difference in the place of an archive that it needs would leave nothing that can be imported.
bool may_replace(const ExportRequest& request, bool replace) { return replace && (!request.incremental || request.whole); }

Error is_there(const std::string& path, const ExportRequest& request, bool replace) {
  Error error = Error::message(strings::cat(path, " is there already"), EEXIST);
  if (!request.incremental) return std::move(error).hint("choose another name, or add --force");
  if (replace)
    error = std::move(error).because("it may be what the new archive would need: only a whole one takes the place of another");
  return std::move(error).hint(strings::cat("choose another name, or add ", replace ? "--full" : "--full and --force",
                                            " for a whole archive in its place"));
}

// Where the archive is put when it is named `path`: there, or where links lead from there to a file. What is no regular file is
// not replaced.
Result<std::string> target_of(const std::string& path, const ExportRequest& request, bool replace) {
  const auto there = sys::stat_link(path);
  if (!there && there.error().code() == ENOENT) {
    TRY(check_parent(path));
    return path;
  }
  if (!there) return fail(there.error());
  const auto info = sys::stat(path);
  if (!info)
    return fail(Error::message(strings::cat(path, " is a symbolic link that leads nowhere"), EEXIST)
                    .hint("remove it, or choose another name"));
  if (S_ISDIR(info->st_mode))
    return fail(Error::message(strings::cat(path, " is a directory"), EISDIR).hint("name a file in it"));
  if (!S_ISREG(info->st_mode))
    return fail(Error::message(strings::cat(path, " is no regular file"), EEXIST)
                    .because("it would be replaced, not written to")
                    .hint("use - and a redirection: berth export NAME - > " + path));
  if (!may_replace(request, replace)) return fail(is_there(path, request, replace));
  return S_ISLNK(there->st_mode) ? real_path(path) : Result<std::string>(path);
}

Result<ExportOutcome> to_file(const Container& container, const ExportRequest& request, const std::string& path, bool replace) {
  const std::string target = TRY(target_of(path, request, replace));
  Exporter exporter(container, request, path);
  TRY(exporter.check());  // before anything of an earlier one goes
  const os::FileLock file = TRY(open_partial(target));
  auto outcome = exporter.run(file.fd(), [&]() -> Status {
    TRY(name_the_target(sys::sync_file(file.fd(), file.path()), path));
    return put_in_place(file, target, may_replace(request, replace));
  });
  if (!outcome) (void)sys::unlink(file.path());
  return outcome;
}

}  // namespace

Result<ExportOutcome> export_container(const Container& container, const ExportRequest& request, int output) {
  return with_context(Exporter(container, request, "standard output").run(output, [] { return Status(); }), "cannot export");
}

Result<ExportOutcome> export_to_file(const Container& container, const ExportRequest& request, const std::string& path,
                                     bool replace) {
  return with_context(to_file(container, request, path, replace), "cannot export");
}

}  // namespace berth::runtime
