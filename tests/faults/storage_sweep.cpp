// Runs in: tests.
// Every operation on a container's storage, disturbed at every one of its system calls: one that fails (EIO, ENOSPC, ENOMEM,
// EINTR), and SIGKILL. Afterwards the container is whole, as it was or as it was to be; the same again succeeds; and when all is
// destroyed, nothing is left, and nothing outside has changed.
//
// usage: storage_sweep [--seconds N] [--store NAME]    N: about how long all of it may take (default 75). Where that does not
// suffice for every call, calls all over the operation are taken, and the output says how many.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

#include "base/strings.hpp"
#include "conformance/storage/lab.hpp"
#include "runtime/clone.hpp"
#include "runtime/create.hpp"
#include "runtime/destroy.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/doctor.hpp"
#include "runtime/hold.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "runtime/snapshot.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace {

using namespace berth;
using namespace berth::runtime;
namespace fs = std::filesystem;

// --- the fault ---------------------------------------------------------------------------------------------------------------
constexpr int kKill = -1, kNothing = 0;
constexpr int kLongestRun = 60;  // seconds that a disturbed operation may take

std::atomic<long> calls, at;
std::atomic<int> fault;

// What has no way to fail with such a code, or whose failure the kernel does not know.
bool spared(long number) {
  switch (number) {
    case SYS_close:
    case SYS_exit:
    case SYS_exit_group:
    case SYS_getpid:
    case SYS_gettid:
    case SYS_geteuid:
    case SYS_getuid:
    case SYS_rt_sigprocmask:
    case SYS_futex:
    case SYS_wait4:
    case SYS_waitid:
      return true;
    default:
      return false;
  }
}

long disturb(long number, long a, long b, long c, long d, long e, long f) {
  const bool here = ++calls == at;
  if (here && fault == kKill) {
    sys::raw::kernel(SYS_kill, sys::raw::kernel(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0, 0);
  }
  if (here && fault > kNothing && !spared(number)) return -fault;
  // A process that dies takes nothing along that the disk does not have yet, and thousands of syncs take minutes.
  if (number == SYS_fsync || number == SYS_fdatasync || number == SYS_syncfs) return 0;
  return sys::raw::kernel(number, a, b, c, d, e, f);
}

// --- what there is -------------------------------------------------------------------------------------------------------------
struct Broken {
  std::string what;
};

std::string text_of(const Error& error) { return error.render("sweep", "it"); }

template <typename T>
T must(Result<T> result, const std::string& what) {
  if (!result) throw Broken{what + ": " + text_of(result.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Everything below a directory that a copy has to have, but times; a line an entry.
std::string picture(const std::string& top) {
  if (!fs::is_directory(top)) throw Broken{"no directory " + top};
  std::map<std::string, std::string> lines;
  for (auto entry = fs::recursive_directory_iterator(top); entry != fs::recursive_directory_iterator(); ++entry) {
    struct ::stat info{};
    if (::lstat(entry->path().c_str(), &info) != 0) throw Broken{"lstat " + entry->path().string()};
    std::string line =
        strings::cat(info.st_mode, " ", info.st_uid, ":", info.st_gid, " ", info.st_nlink * !entry->is_directory());
    if (entry->is_symlink()) line += " -> " + fs::read_symlink(entry->path()).string();
    if (entry->is_regular_file() && !entry->is_symlink()) line += "\n" + must(sys::read_file(entry->path()), "reading");
    lines[entry->path().string().substr(top.size())] = std::move(line);
  }
  lines.erase("/lost+found");
  std::ostringstream text;
  for (const auto& [name, line] : lines) text << name << " " << line << "\n";
  return text.str();
}

class Sweep {
 public:
  Sweep(const storage::lab::Row& row, std::chrono::seconds budget) : row_(row), budget_(budget) {
    lab_ = must(row.make(), "the lab");
    store_ = must(storage::find_store(row.store), "the store");
    lxcpath_ = lab_->directory() + "/lxc";
    fs::create_directories(lab_->directory() + "/outside/deep");
    std::ofstream(lab_->directory() + "/outside/deep/precious") << "precious";
    outside_ = picture(lab_->directory() + "/outside");
    template_ = lab_->directory() + "/outside/template";
    std::ofstream(template_) << "#!/bin/sh\nfor word; do case $word in --rootfs=*) mkdir -p \"${word#*=}/etc\" && echo new "
                                ">\"${word#*=}/etc/new\";; esac; done\n";
    ::chmod(template_.c_str(), 0755);
    outside_ = picture(lab_->directory() + "/outside");
  }

  bool run();

 private:
  struct Operation {
    std::string name;
    std::function<void()> prepare;
    std::function<Status()> act;
    std::function<void()> check;  // after a disturbed act(): what must hold before anything else is done
    std::function<void()> again;  // repeats it, and sees that it is done
  };

  [[nodiscard]] Container container(const std::string& name) const { return must(Container::open(name, lxcpath_), "open"); }

  [[nodiscard]] std::string root_picture(const Container& of) const {
    const config::Conf conf = must(of.load(), "the configuration of " + of.directory());
    const auto* store = must(storage::store_of(conf.rootfs.type, conf.rootfs.path), "the store of " + of.directory());
    const auto view =
        must(storage::View::open(must(store->attach(conf.rootfs.path, storage::Access::kRead), "attach"), storage::Access::kRead),
             "view");
    return picture(view.directory());
  }

  void make_source() {
    const Container source = container("c");
    fs::create_directories(source.directory());
    const std::string root = must(store_->place({source.directory(), "c"}, lab_->specs()), "place");
    must(store_->create(root, lab_->specs()), "create");
    auto view =
        must(storage::View::open(must(store_->attach(root, storage::Access::kWrite), "attach"), storage::Access::kWrite), "view");
    fill(view.directory());
    must(view.close(), "close");
    std::ofstream(source.config_file()) << "lxc.rootfs.path = " << storage::rootfs_value(*store_, root)
                                        << "\nlxc.uts.name = c\nlxc.net.0.type = empty\n";
    first_ = root_picture(source);
  }

  void fill(const std::string& root) const {
    fs::create_directories(root + "/etc/deep");
    std::ofstream(root + "/etc/one") << "one";
    std::ofstream(root + "/etc/deep/large") << std::string(100000, 'x');
    fs::create_hard_link(root + "/etc/one", root + "/etc/deep/two");
    fs::create_symlink("../../../outside/deep", root + "/etc/out");
    ::chown((root + "/etc/one").c_str(), 1000, 1001);
  }

  // The container goes on after its snapshot.
  void change_source() {
    const Container source = container("c");
    const config::Conf conf = must(source.load(), "load");
    auto view = must(
        storage::View::open(must(store_->attach(conf.rootfs.path, storage::Access::kWrite), "attach"), storage::Access::kWrite),
        "view");
    std::ofstream(view.directory() + "/etc/one") << "another";
    std::ofstream(view.directory() + "/etc/more") << "more";
    must(view.close(), "close");
    second_ = root_picture(source);
  }

  void want(bool holds, const std::string& what) const {
    if (!holds) throw Broken{what};
  }

  [[nodiscard]] bool is_whole(const Container& one) const {
    return one.defined() && must(creation_state(one.directory()), "state") == Creation::kNone;
  }

  void want_source() {
    want(is_whole(container("c")) && root_picture(container("c")) == first_, "the source is not what it was");
  }

  // Half a copy may be there, but not one that looks whole and is not.
  void want_whole_or_none(const Container& copy) {
    if (is_whole(copy)) want(root_picture(copy) == first_, copy.name() + " looks whole and is not");
  }

  // A destroyed container may be there still, as long as nobody takes what is left of it for a container.
  void want_whole_marked_or_rootless(const Container& one) {
    if (!is_whole(one) || !check_not_destroyed(one)) return;
    const config::Conf conf = must(one.load(), "the configuration of " + one.directory());
    want(!store_->owns(conf.rootfs.path) || root_picture(one) == first_, one.name() + " is half destroyed and looks whole");
  }

  void destroy_if_there(const std::string& name) {
    const Container one = container(name);
    if (!fs::exists(one.directory())) return;
    // The kernel lets go of a mount, and of its loop device, a moment after the last who saw it.
    for (int i = 0; i < 40; ++i) {
      const auto done = destroy(one, {.force = false, .snapshots = true});
      if (done || done.error().code() != EBUSY) return must(done, "destroying " + name);
      ::usleep(50000);
    }
    must(destroy(one, {.force = false, .snapshots = true}), "destroying " + name);
  }

  // A program that the killed process was about to start has the lock as well, until it is executed.
  void await_children() const {
    for (int i = 0; i < 1000; ++i) {
      if (must(creation_state(container("d").directory()), "state") != Creation::kOngoing) return;
      ::usleep(5000);
    }
    throw Broken{"the lock of a killed creation stays"};
  }

  // Nothing, or a configuration alone: what a killed command leaves that no longer says what it was. That is told and no more.
  static bool is_the_last(const std::string& directory) {
    return std::ranges::all_of(fs::directory_iterator(directory),
                               [](const auto& entry) { return entry.path().filename() == "config"; });
  }

  void repair() {
    for (const auto& finding : must(examine_all(lxcpath_, true), "the doctor"))
      want(finding.repaired || (finding.remedy.empty() && is_the_last(finding.directory)),
           "the doctor left: " + finding.directory + ": " + finding.what + ": " + finding.failure);
    for (const auto& finding : must(examine_all(lxcpath_, false), "the doctor"))
      want(finding.remedy.empty(), "the doctor finds again: " + finding.directory + ": " + finding.what);
  }

  void want_healthy() const {
    for (const auto& finding : must(examine_all(lxcpath_, false), "the doctor"))
      throw Broken{"left: " + finding.directory + ": " + finding.what};
  }

  void want_nothing_left() {
    destroy_if_there("d");
    destroy_if_there("c");
    for (const auto& entry : fs::directory_iterator(lxcpath_)) throw Broken{"left behind: " + entry.path().string()};
    for (const auto& entry : fs::directory_iterator(lab_->directory()))
      want(entry.path().filename() == "lxc" || entry.path().filename() == "outside", "left behind: " + entry.path().string());
    want(picture(lab_->directory() + "/outside") == outside_, "something outside has changed");
  }

  std::vector<Operation> operations();
  bool sweep(const Operation& operation, std::chrono::steady_clock::duration budget);
  long count_calls(const Operation& operation);
  void once(const Operation& operation, long call, int code);
  static void disturbed(const Operation& operation, long call, int code);

  const storage::lab::Row& row_;
  std::chrono::seconds budget_;
  std::unique_ptr<storage::lab::Lab> lab_;
  const storage::BackingStore* store_ = nullptr;
  std::string lxcpath_, outside_, template_, first_, second_;
};

std::vector<Sweep::Operation> Sweep::operations() {
  const auto clone_to = [this](bool share) { return clone(container("c"), {.name = "d", .snapshot = share}); };
  const auto copied = [this] { want_source(), want_whole_or_none(container("d")); };
  const auto copy_again = [this, clone_to](bool share) {
    if (!is_whole(container("d"))) must(clone_to(share), "copying again");
    want(root_picture(container("d")) == first_, "the second copy is not right");
    want_source();
  };
  const auto status = [](auto result) -> Status {
    if (!result) return fail(std::move(result.error()));
    return {};
  };
  std::vector<Operation> all;
  CreateRequest making;
  making.name = "d";
  making.lxcpath = lxcpath_;
  making.template_name = template_;
  making.config_text = "lxc.net.0.type = empty\n";
  making.bdev = row_.store;
  making.specs = lab_->specs();
  making.quiet = true;
  all.push_back({"create", [] {}, [making] { return create(making); }, [] {},
                 [this, making] {
                   if (!is_whole(container("d"))) must(create(making), "creating again");
                   want(root_picture(container("d")).find("/etc/new") != std::string::npos, "the template's file is missing");
                 }});
  all.push_back({"copy", [this] { make_source(); }, [=] { return status(clone_to(false)); }, copied, [=] { copy_again(false); }});
  if (store_->snapshots_of(*store_))
    all.push_back(
        {"share", [this] { make_source(); }, [=] { return status(clone_to(true)); }, copied, [=] { copy_again(true); }});
  all.push_back({"snapshot", [this] { make_source(); }, [this, status] { return status(take_snapshot(container("c"), "")); },
                 [this] {
                   want_source();
                   for (const auto& one : must(list_snapshots(container("c")), "list"))
                     want(root_picture(must(Container::open(one.name, one.lxcpath), "open")) == first_,
                          "a snapshot looks whole and is not");
                 },
                 [this] {
                   must(take_snapshot(container("c"), ""), "again");
                   want_source();
                 }});
  all.push_back({"restore",
                 [this] {
                   make_source();
                   must(take_snapshot(container("c"), ""), "snapshot");
                   change_source();
                 },
                 [this] { return restore_snapshot(container("c"), "snap0", ""); },
                 [this] {
                   must(complete_rename_alone(container("c")), "what a start does first");
                   const std::string now = root_picture(container("c"));
                   want(now == first_ || now == second_, "neither the old nor the new container");
                 },
                 [this] {
                   must(restore_snapshot(container("c"), "snap0", ""), "again");
                   want_source();
                   want(!fs::exists(container("c").directory() + "/restoring"), "restoring is left");
                 }});
  all.push_back({"rename", [this] { make_source(); }, [this, status] { return status(rename(container("c"), "d")); },
                 [this] {
                   const bool old_name = container("c").defined(), new_name = container("d").defined();
                   want(old_name != new_name, "under both names or none");
                   must(complete_rename_alone(container(old_name ? "c" : "d")), "what a start does first");
                   want(root_picture(container(old_name ? "c" : "d")) == first_, "not what it was");
                 },
                 [this] {
                   if (container("c").defined()) must(rename(container("c"), "d"), "again");
                   want(root_picture(container("d")) == first_, "not what it was");
                   want(must(container("d").load(), "load").uts_name == "d", "its host name is the old one");
                 }});
  all.push_back({"destroy", [this] { make_source(); }, [this] { return destroy(container("c"), {}); },
                 [this] { want_whole_marked_or_rootless(container("c")); }, [this] { destroy_if_there("c"); }});
  all.push_back({"forget",
                 [this] {
                   make_source();
                   must(take_snapshot(container("c"), ""), "snapshot");
                 },
                 [this] { return destroy_snapshot(container("c"), "snap0"); },
                 [this] {
                   want_source();
                   for (const auto& one : must(list_snapshots(container("c")), "list"))
                     want_whole_marked_or_rootless(must(Container::open(one.name, one.lxcpath), "open"));
                 },
                 [this] {
                   if (!must(list_snapshots(container("c")), "list").empty())
                     must(destroy_snapshot(container("c"), "snap0"), "again");
                   want_source();
                 }});
  return all;
}

void Sweep::disturbed(const Operation& operation, long call, int code) {
  calls = 0, at = call, fault = code;
  if (code != kKill) {
    static_cast<void>(operation.act());
    at = 0;
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kLongestRun);
    static_cast<void>(operation.act());
    ::_exit(0);
  }
  at = 0;
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) throw Broken{strings::cat("killed by signal ", WTERMSIG(status))};
}

long Sweep::count_calls(const Operation& operation) {
  operation.prepare();
  calls = 0, at = 0, fault = kNothing;
  must(operation.act(), operation.name + ", undisturbed");
  const long count = calls;
  operation.check();
  operation.again();
  want_nothing_left();
  return count;
}

void Sweep::once(const Operation& operation, long call, int code) {
  operation.prepare();
  disturbed(operation, call, code);
  await_children();
  operation.check();
  if (call % 2 == 0) repair();
  operation.again();
  repair();  // of a disturbed one that came to its end all the same
  want_healthy();
  want_nothing_left();
}

std::string name_of(int code) { return code == kKill ? "SIGKILL" : errno_name(code); }

bool Sweep::sweep(const Operation& operation, std::chrono::steady_clock::duration budget) {
  const auto end = std::chrono::steady_clock::now() + budget;
  const long count = count_calls(operation);
  long step = count / 2 + 1;  // visits every call once, far from the one before
  while (std::gcd(step, count) != 1) ++step;
  constexpr int kFaults[] = {kKill, EIO, kKill, ENOSPC, kKill, ENOMEM, kKill, EINTR};
  long done = 0;
  for (long pass = 0; pass < 2 && done < 2 * count; ++pass) {
    for (long i = 0; i < count && std::chrono::steady_clock::now() < end; ++i, ++done) {
      const long call = (i * step) % count + 1;
      // In the second pass a call that was killed gets a failure, and the other way round.
      const int code = pass == 0 ? kKill : kFaults[1 + 2 * (call % 4)];
      try {
        once(operation, call, code);
      } catch (const Broken& broken) {
        std::printf("not ok: %s: %s: %s at call %ld of %ld: %s\n", std::string(row_.name).c_str(), operation.name.c_str(),
                    name_of(code).c_str(), call, count, broken.what.c_str());
        return false;
      }
    }
  }
  std::printf("ok: %s: %s: %ld calls, disturbed %ld times\n", std::string(row_.name).c_str(), operation.name.c_str(), count,
              done);
  std::fflush(stdout);
  return true;
}

bool Sweep::run() {
  const auto all = operations();
  bool good = true;
  for (const Operation& operation : all) {
    try {
      good = sweep(operation, std::chrono::steady_clock::duration(budget_) / all.size()) && good;
      if (!good) break;
    } catch (const Broken& broken) {
      std::printf("not ok: %s: %s: %s\n", std::string(row_.name).c_str(), operation.name.c_str(), broken.what.c_str());
      return false;
    }
  }
  return good;
}

// Others by --store.
constexpr std::string_view kSwept[] = {"dir", "btrfs", "overlay"};

}  // namespace

int main(int argc, char** argv) {
  std::chrono::seconds budget(75);
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--seconds") budget = std::chrono::seconds(std::atoi(argv[i + 1]));
    if (std::string_view(argv[i]) == "--store") only = argv[i + 1];
  }
  std::vector<const storage::lab::Row*> rows;
  for (const auto& row : storage::lab::labs()) {
    const bool known = std::ranges::any_of(rows, [&](const auto* other) { return other->store == row.store; });
    const bool wanted = only.empty() ? !known && std::ranges::find(kSwept, row.store) != std::end(kSwept)
                                     : row.name == only || (!known && row.store == only);
    if (!wanted) continue;
    if (const std::string reason = row.unusable(); !reason.empty())
      std::printf("skipped: %s: %s\n", std::string(row.name).c_str(), reason.c_str());
    else
      rows.push_back(&row);
  }
  const sys::raw::ScopedDispatch watched(disturb);
  bool good = !rows.empty();
  for (const auto* row : rows) {
    try {
      good = Sweep(*row, budget / rows.size()).run() && good;
    } catch (const Broken& broken) {
      std::printf("not ok: %s: %s\n", std::string(row->name).c_str(), broken.what.c_str());
      good = false;
    }
  }
  return good ? 0 : 1;
}
