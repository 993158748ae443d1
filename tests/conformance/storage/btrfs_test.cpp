// What btrfs adds to what every backing store promises: subvolumes in a root, limits, other file systems.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "lab.hpp"
#include "loop_fs.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

std::string text_of(const Error& error) { return error.render("p", "s"); }

class BtrfsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = lab::loop_unusable("mkfs.btrfs"); !reason.empty()) GTEST_SKIP() << reason;
    auto made = lab::LoopFileSystem::make({"mkfs.btrfs", "-q"}, 512 * kMiB);
    ASSERT_TRUE(made) << text_of(made.error());
    files_ = std::move(*made);
    first_ = place("c1");
    second_ = place("c2");
  }
  void TearDown() override {
    if (!files_) return;
    EXPECT_TRUE(store().destroy(first_));
    EXPECT_TRUE(store().destroy(second_));
  }
  static const BackingStore& store() { return **find_store("btrfs"); }
  static const BackingStore& dir() { return **find_store("dir"); }
  std::string place(const std::string& name) {
    const std::string directory = base() + "/" + name;
    fs::create_directories(directory);
    auto placed = store().place({directory, name}, {});
    EXPECT_TRUE(placed) << text_of(placed.error());
    return placed ? *placed : "";
  }
  [[nodiscard]] std::string base() const { return files_->directory(); }
  static void subvolume(const std::string& path) { ASSERT_TRUE(lab::run("btrfs", {"subvolume", "create", path})); }
  static void property(const std::string& path, const std::string& value) {
    ASSERT_TRUE(lab::run("btrfs", {"property", "set", "-t", "subvol", path, "ro", value}));
  }
  static void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  static std::string get(const std::string& path) { return sys::read_file(path).value_or("(absent)"); }
  [[nodiscard]] std::size_t subvolumes() const {
    const std::string list = lab::run("btrfs", {"subvolume", "list", base()}).value_or("");
    return static_cast<std::size_t>(std::ranges::count(list, '\n'));
  }
  // A root with subvolumes in it, in each other, one of them read-only, one with the name of a link's target.
  void nest() {
    ASSERT_TRUE(store().create(first_, {}));
    fs::create_directories(first_ + "/var/lib");
    subvolume(first_ + "/var/lib/machines");
    subvolume(first_ + "/var/lib/machines/inner");
    subvolume(first_ + "/frozen");
    put(first_ + "/var/lib/machines/a", "a");
    put(first_ + "/var/lib/machines/inner/b", "b");
    put(first_ + "/frozen/c", "c");
    property(first_ + "/frozen", "true");
  }

  std::unique_ptr<lab::LoopFileSystem> files_;
  std::string first_, second_;
  Progress nobody_;
};

TEST_F(BtrfsTest, ASnapshotHasTheSubvolumesInIt) {
  nest();
  const auto made = store().snapshot(store(), first_, second_, {});
  ASSERT_TRUE(made) << text_of(made.error());
  EXPECT_EQ(subvolumes(), 8U);
  EXPECT_EQ(get(second_ + "/var/lib/machines/a"), "a");
  EXPECT_EQ(get(second_ + "/var/lib/machines/inner/b"), "b");
  EXPECT_EQ(get(second_ + "/frozen/c"), "c");
  put(second_ + "/var/lib/machines/inner/b", "other");
  EXPECT_EQ(get(first_ + "/var/lib/machines/inner/b"), "b");
  EXPECT_FALSE(std::ofstream(second_ + "/frozen/d"));  // as read-only as it was
}

TEST_F(BtrfsTest, DestroyTakesSubvolumesAlsoReadOnlyAndImmutableOnes) {
  nest();
  property(first_ + "/var/lib/machines", "true");
  ASSERT_TRUE(lab::run("chattr", {"+i", first_}));
  const auto destroyed = store().destroy(first_);
  ASSERT_TRUE(destroyed) << text_of(destroyed.error());
  EXPECT_FALSE(fs::exists(first_));
  EXPECT_EQ(subvolumes(), 0U);
}

TEST_F(BtrfsTest, DestroyTakesSubvolumesDeepInEachOther) {
  ASSERT_TRUE(store().create(first_, {}));
  std::string path = first_;
  for (int depth = 0; depth < 150; ++depth) subvolume(path += "/d");
  const auto destroyed = store().destroy(first_);
  ASSERT_TRUE(destroyed) << text_of(destroyed.error());
  EXPECT_EQ(subvolumes(), 0U);
}

TEST_F(BtrfsTest, DestroyTakesAPlainDirectoryWithSubvolumesInIt) {
  fs::create_directories(first_ + "/var");
  subvolume(first_ + "/var/machines");
  subvolume(first_ + "/var/machines/inner");
  put(first_ + "/var/machines/inner/x", "x");
  property(first_ + "/var/machines", "true");
  const auto destroyed = store().destroy(first_);
  ASSERT_TRUE(destroyed) << text_of(destroyed.error());
  EXPECT_FALSE(fs::exists(first_));
}

// What can't go as a whole does not go in part.
TEST_F(BtrfsTest, TheTopAndTheDefaultSubvolumeLoseNothing) {
  nest();
  for (const BackingStore* kind : {&store(), &dir()}) {
    const auto refused = kind->destroy(base());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), EBUSY) << text_of(refused.error());
    EXPECT_FALSE(kind->check_destroy(base()));
  }
  ASSERT_TRUE(lab::run("mount", {"--bind", base(), base() + "/c2"}));
  EXPECT_EQ(store().destroy(base() + "/c2").error().code(), EBUSY);
  ASSERT_TRUE(lab::run("umount", {base() + "/c2"}));
  ASSERT_TRUE(lab::run("btrfs", {"subvolume", "set-default", first_}));
  const auto refused = store().destroy(first_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(text_of(refused.error()), HasSubstr("default subvolume"));
  ASSERT_TRUE(lab::run("btrfs", {"subvolume", "set-default", "5", base()}));
  EXPECT_EQ(get(first_ + "/var/lib/machines/inner/b"), "b");
  EXPECT_EQ(get(first_ + "/frozen/c"), "c");
  EXPECT_EQ(subvolumes(), 4U);
}

TEST_F(BtrfsTest, ARootWithAMountInItLosesNothing) {
  nest();
  fs::create_directory(second_);
  put(second_ + "/a", "a");
  fs::create_directory(second_ + "/z");
  for (const auto& [root, place] : {std::pair(first_, first_ + "/var/lib/machines/inner"), std::pair(second_, second_ + "/z")}) {
    ASSERT_TRUE(lab::run("mount", {"-t", "tmpfs", "none", place}));
    for (const BackingStore* kind : {&store(), &dir()}) {
      const auto refused = kind->destroy(root);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code(), EBUSY);
      EXPECT_THAT(text_of(refused.error()), HasSubstr(place));
    }
    ASSERT_TRUE(lab::run("umount", {place}));
  }
  EXPECT_EQ(get(first_ + "/var/lib/machines/a"), "a");
  EXPECT_EQ(get(first_ + "/frozen/c"), "c");
  EXPECT_EQ(get(second_ + "/a"), "a");
  EXPECT_EQ(subvolumes(), 4U);
}

TEST_F(BtrfsTest, LinksOnTheWayToASubvolumeAreNotFollowed) {
  ASSERT_TRUE(store().create(first_, {}));
  subvolume(base() + "/precious");
  put(base() + "/precious/file", "x");
  fs::create_directory(first_ + "/var");
  subvolume(first_ + "/var/precious");
  fs::rename(first_ + "/var", first_ + "/real");
  fs::create_directory_symlink(base(), first_ + "/var");
  ASSERT_TRUE(store().snapshot(store(), first_, second_, {}));
  ASSERT_TRUE(store().destroy(first_));
  ASSERT_TRUE(store().destroy(second_));
  EXPECT_EQ(get(base() + "/precious/file"), "x");
}

TEST_F(BtrfsTest, ACopyOnTheSameFileSystemSharesItsDataAndIsApart) {
  nest();
  ASSERT_TRUE(store().copy(store(), first_, second_, {}, nobody_));
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_EQ(get(second_ + "/var/lib/machines/inner/b"), "b");
  EXPECT_EQ(subvolumes(), 4U);
}

TEST_F(BtrfsTest, ARootOfKindDirThatIsASubvolumeCanBeSnapshot) {
  nest();
  EXPECT_TRUE(store().snapshots_of(dir()));
  const auto made = store().snapshot(dir(), first_, second_, {});
  ASSERT_TRUE(made) << text_of(made.error());
  EXPECT_EQ(get(second_ + "/frozen/c"), "c");
}

TEST_F(BtrfsTest, APlainDirectoryCanNotBeSnapshotButCopied) {
  fs::create_directory(first_);
  put(first_ + "/file", "x");
  EXPECT_FALSE(store().can_share(dir(), first_, second_));
  const auto refused = store().snapshot(dir(), first_, second_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EOPNOTSUPP);
  EXPECT_FALSE(fs::exists(second_));
  ASSERT_TRUE(store().copy(dir(), first_, second_, {}, nobody_));
  EXPECT_EQ(get(second_ + "/file"), "x");
  EXPECT_TRUE(store().owns(second_));
}

TEST_F(BtrfsTest, ASizeIsAQuota) {
  ASSERT_TRUE(store().create(first_, {.size = 64 * kMiB}));
  const Fd file(::open((first_ + "/big").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(::posix_fallocate(file.get(), 0, 100 * kMiB), EDQUOT);
  auto usage = store().usage(first_);
  ASSERT_TRUE(usage) << text_of(usage.error());
  EXPECT_EQ(usage->limit, 64 * kMiB);
  EXPECT_TRUE(usage->exclusive);
  ASSERT_TRUE(store().snapshot(store(), first_, second_, {}));
  EXPECT_EQ(store().usage(second_)->limit, 64 * kMiB);
  ASSERT_TRUE(store().resize(first_, 0));
  EXPECT_FALSE(store().usage(first_)->limit);
  EXPECT_EQ(::posix_fallocate(file.get(), 0, 100 * kMiB), 0);
}

TEST_F(BtrfsTest, ElsewhereItSaysWhyNot) {
  const std::string other = lab::make_directory();
  fs::create_directory(other + "/c1");
  const auto refused = store().place({other + "/c1", "c1"}, {});
  if (refused) GTEST_SKIP() << "/tmp is on btrfs";
  EXPECT_THAT(text_of(refused.error()), HasSubstr("not on a btrfs file system"));
  // A copy from there is one file by file.
  ASSERT_TRUE(dir().create(other + "/c1/rootfs", {}));
  put(other + "/c1/rootfs/file", "x");
  EXPECT_TRUE(store().copy(dir(), other + "/c1/rootfs", second_, {}, nobody_));
  EXPECT_EQ(get(second_ + "/file"), "x");
  EXPECT_TRUE(remove_tree(other));
}

// Who may not delete subvolumes empties them.
TEST_F(BtrfsTest, AUserMakesSnapshotsAndRemovesThem) {
  constexpr uid_t kNobody = 65534;
  fs::permissions(fs::path(base()).parent_path(), fs::perms(0755));
  for (const auto* name : {"/c1", "/c2"}) ASSERT_EQ(::chown((base() + name).c_str(), kNobody, kNobody), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
        ::setresuid(kNobody, kNobody, kNobody) != 0)
      ::_exit(1);
    if (!store().create(first_, {}) || !store().create(first_ + "/inner", {})) ::_exit(2);
    put(first_ + "/inner/file", "x");
    if (!store().snapshot(store(), first_, second_, {}) || get(second_ + "/inner/file") != "x") ::_exit(3);
    for (const auto& root : {first_, second_})
      if (const auto gone = store().destroy(root); !gone) {
        std::cerr << text_of(gone.error());
        ::_exit(4);
      }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(subvolumes(), 0U);
}

// --- streams ----------------------------------------------------------------------------------------------------------------
class BtrfsStreamTest : public BtrfsTest {
 protected:
  // On a file system of its own.
  void SetUp() override {
    BtrfsTest::SetUp();
    if (!files_) return;
    auto made = lab::LoopFileSystem::make({"mkfs.btrfs", "-q"}, 512 * kMiB);
    ASSERT_TRUE(made) << text_of(made.error());
    other_ = std::move(*made);
    for (const auto* name : {"/c1", "/c2"}) fs::create_directory(other_->directory() + name);
  }
  [[nodiscard]] std::string stream() const { return base() + "/stream"; }
  Status send(const std::string& path, const std::string& from = "") {
    const Fd output = TRY(sys::open(stream(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    TRY(store().begin_send(path));
    Status sent = store().send(path, from, output.get(), nobody_);
    TRY(store().end_send(path, sent.has_value()));
    return sent;
  }
  Status receive(const std::string& path, const std::string& from = "") {
    const Fd input = TRY(sys::open(stream(), O_RDONLY));
    return store().receive(path, from, input.get(), nobody_);
  }
  [[nodiscard]] std::string there(const std::string& name) const { return other_->directory() + "/" + name + "/rootfs"; }
  // What whoever owns a subvolume may say of it.
  static void claim(const std::string& path, const std::string& uuid) {
    ::btrfs_ioctl_received_subvol_args said{};
    for (std::size_t i = 0; i < BTRFS_UUID_SIZE; ++i)
      said.uuid[i] = static_cast<char>(std::stoul(uuid.substr(2 * i, 2), nullptr, 16));
    const Fd subvolume(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::ioctl(subvolume.get(), BTRFS_IOC_SET_RECEIVED_SUBVOL, &said), 0);
    property(path, "true");
  }

  std::unique_ptr<lab::LoopFileSystem> other_;
};

TEST_F(BtrfsStreamTest, AStateThatAnotherSubvolumeClaimsIsNotTakenFromIt) {
  ASSERT_TRUE(store().create(first_, {}));
  put(first_ + "/c", "c");
  ASSERT_TRUE(send(first_));
  const std::string forged = other_->directory() + "/forged";
  subvolume(forged);
  put(forged + "/evil", "evil");
  claim(forged, store().shared_state(first_).value_or(""));
  ASSERT_TRUE(receive(there("c1")));
  put(first_ + "/more", "new");
  ASSERT_TRUE(send(first_, first_));
  const auto refused = receive(there("c2"), there("c1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ESTALE) << text_of(refused.error());
  EXPECT_TRUE(fs::is_empty(other_->directory() + "/c2"));
  EXPECT_EQ(get(there("c1") + "/c"), "c");
  ASSERT_TRUE(lab::run("btrfs", {"subvolume", "delete", forged}));
  const auto received = receive(there("c2"), there("c1"));
  ASSERT_TRUE(received) << text_of(received.error());
  EXPECT_EQ(get(there("c2") + "/more"), "new");
  EXPECT_FALSE(fs::exists(there("c2") + "/evil"));
}

// Both have a volume that says to be received from the same one, as read-only snapshots of what was received do.
TEST_F(BtrfsStreamTest, EachOfTwoContainersGetsItsOwnVolume) {
  for (const auto& [root, text] : {std::pair{first_, "one"}, std::pair{second_, "two"}}) {
    ASSERT_TRUE(store().create(root, {}));
    subvolume(root + "/vol");
    put(root + "/vol/f", text);
    claim(root + "/vol", "0123456789abcdef0123456789abcdef");
  }
  ASSERT_TRUE(send(first_));
  ASSERT_TRUE(receive(there("c1")));
  ASSERT_TRUE(send(second_));
  ASSERT_TRUE(receive(there("c2")));
  for (const auto& [root, earlier, later, text] :
       {std::tuple{second_, "c2", "c4", "two"}, std::tuple{first_, "c1", "c3", "one"}}) {
    fs::create_directory(other_->directory() + "/" + later);
    ASSERT_TRUE(send(root, root));
    const auto received = receive(there(later), there(earlier));
    ASSERT_TRUE(received) << text_of(received.error());
    EXPECT_EQ(get(there(later) + "/vol/f"), text);
  }
}

TEST_F(BtrfsStreamTest, TwoCopiesSideBySideBothGoOn) {
  nest();
  ASSERT_TRUE(send(first_));
  ASSERT_TRUE(receive(there("c1")));
  ASSERT_TRUE(receive(there("c2")));
  put(first_ + "/more", "new");
  ASSERT_TRUE(send(first_, first_));
  for (const auto& [earlier, later] : {std::pair{"c1", "c3"}, std::pair{"c2", "c4"}}) {
    fs::create_directory(other_->directory() + "/" + later);
    const auto received = receive(there(later), there(earlier));
    ASSERT_TRUE(received) << text_of(received.error());
    EXPECT_EQ(get(there(later) + "/more"), "new");
    EXPECT_EQ(get(there(later) + "/var/lib/machines/inner/b"), "b");
  }
}

TEST_F(BtrfsStreamTest, WhatIsAroundAVolumeCanGoOnTheWayBack) {
  nest();
  ASSERT_TRUE(send(first_));
  ASSERT_TRUE(receive(there("c1")));
  ASSERT_TRUE(store().destroy(there("c1") + "/var/lib/machines"));
  fs::remove_all(there("c1") + "/var");
  put(there("c1") + "/back", "home");
  ASSERT_TRUE(send(there("c1"), there("c1")));
  const auto received = receive(second_, first_);
  ASSERT_TRUE(received) << text_of(received.error());
  EXPECT_EQ(get(second_ + "/back"), "home");
  EXPECT_EQ(get(second_ + "/frozen/c"), "c");
  EXPECT_FALSE(fs::exists(second_ + "/var"));
}

TEST_F(BtrfsStreamTest, WhatOthersKeepBesideARootIsLeftAlone) {
  const std::string beside = base() + "/c1";
  for (const auto* theirs : {"/send/rootfs", "/send/rootfs.new"}) {
    fs::create_directories(beside + theirs);
    put(beside + theirs + "/theirs", "theirs");
  }
  nest();
  ASSERT_TRUE(send(first_));
  const std::string more = beside + "/rootfs.new";
  ASSERT_TRUE(store().create(more, {}));
  ASSERT_TRUE(send(more));
  EXPECT_NE(store().shared_state(first_).value_or(""), "");
  EXPECT_TRUE(store().destroy(more));
  EXPECT_NE(store().shared_state(first_).value_or(""), "");
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_FALSE(fs::exists(beside + "/.berth-sent"));
  EXPECT_EQ(get(beside + "/send/rootfs/theirs"), "theirs");
  EXPECT_EQ(get(beside + "/send/rootfs.new/theirs"), "theirs");
}

TEST_F(BtrfsStreamTest, AStrangersDirectoryUnderThatNameIsRefused) {
  const std::string above = base() + "/c1/.berth-sent", own = above + "/rootfs";
  ASSERT_TRUE(store().create(first_, {}));
  const auto code_of = [](const auto& outcome) { return outcome ? 0 : outcome.error().code(); };
  const auto expect_refused = [&](const std::string& theirs) {
    put(theirs, "theirs");
    EXPECT_EQ(code_of(store().begin_send(first_)), EEXIST) << theirs;
    EXPECT_EQ(code_of(store().shared_state(first_)), EEXIST) << theirs;
    EXPECT_EQ(code_of(store().forget_shared_state(first_)), EEXIST) << theirs;
    EXPECT_TRUE(store().destroy(first_));
    EXPECT_EQ(get(theirs), "theirs");
    fs::remove_all(above);
    ASSERT_TRUE(store().create(first_, {}));
  };
  const auto mode = [](const std::string& path, mode_t bits) {
    fs::create_directories(path);
    ASSERT_EQ(::chmod(path.c_str(), bits), 0);
  };
  mode(above, 0755);
  expect_refused(above + "/f");
  mode(above, 0700), mode(own, 0750);
  expect_refused(own + "/f");
  mode(above, 0700), mode(own, 0700);
  expect_refused(own + "/f");
  for (const auto* inner : {"/kept", "/new"}) {
    mode(above, 0700), mode(own, 0700), mode(own + inner, 0700);
    expect_refused(own + inner + "/0");
  }
  mode(above, 0700), mode(own, 0700);
  ASSERT_EQ(::chown(own.c_str(), 1000, 1000), 0);
  expect_refused(own + "/list");
  EXPECT_TRUE(send(first_));
}

TEST_F(BtrfsStreamTest, AWholeRootAndWhatHasChangedSince) {
  nest();
  put(first_ + "/big", std::string(20 * kMiB, 'x'));
  const auto sent = send(first_);
  ASSERT_TRUE(sent) << text_of(sent.error());
  const auto whole = fs::file_size(stream());
  EXPECT_GT(whole, 20 * kMiB);
  const auto received = receive(there("c1"));
  ASSERT_TRUE(received) << text_of(received.error());
  EXPECT_EQ(get(there("c1") + "/big").size(), 20 * kMiB);
  EXPECT_EQ(get(there("c1") + "/var/lib/machines/inner/b"), "b");
  EXPECT_EQ(get(there("c1") + "/frozen/c"), "c");
  EXPECT_FALSE(std::ofstream(there("c1") + "/frozen/d"));
  put(there("c1") + "/here", "writable");

  ASSERT_TRUE(store().snapshot(store(), first_, second_, {}));
  put(second_ + "/more", "new");
  put(second_ + "/var/lib/machines/inner/b", "changed");
  fs::remove(second_ + "/var/lib/machines/a");
  subvolume(second_ + "/late");
  put(second_ + "/late/l", "l");
  const auto difference = send(second_, first_);
  ASSERT_TRUE(difference) << text_of(difference.error());
  EXPECT_LT(fs::file_size(stream()), 64 << 10);
  const auto added = receive(there("c2"), there("c1"));
  ASSERT_TRUE(added) << text_of(added.error());
  EXPECT_EQ(get(there("c2") + "/big").size(), 20 * kMiB);
  EXPECT_EQ(get(there("c2") + "/more"), "new");
  EXPECT_EQ(get(there("c2") + "/var/lib/machines/inner/b"), "changed");
  EXPECT_FALSE(fs::exists(there("c2") + "/var/lib/machines/a"));
  EXPECT_FALSE(fs::exists(there("c2") + "/here"));
  EXPECT_EQ(get(there("c2") + "/late/l"), "l");

  for (const auto& root : {there("c1"), there("c2"), first_, second_}) EXPECT_TRUE(store().destroy(root));
  EXPECT_TRUE(fs::is_empty(other_->directory() + "/c1"));
  EXPECT_TRUE(fs::is_empty(base() + "/c1"));
  EXPECT_EQ(subvolumes(), 0U);
}

TEST_F(BtrfsStreamTest, ACopyOnAnotherFileSystemIsOneFileByFile) {
  nest();
  EXPECT_TRUE(store().can_share(store(), first_, base() + "/not/yet"));
  EXPECT_FALSE(store().can_share(store(), first_, there("c1")));
  EXPECT_EQ(store().snapshot(store(), first_, there("c1"), {}).error().code(), EOPNOTSUPP);
  const auto copied = store().copy(store(), first_, there("c1"), {}, nobody_);
  ASSERT_TRUE(copied) << text_of(copied.error());
  EXPECT_EQ(get(there("c1") + "/var/lib/machines/inner/b"), "b");
  EXPECT_TRUE(store().destroy(there("c1")));
}

TEST_F(BtrfsStreamTest, TheSameRootAgain) {
  nest();
  ASSERT_TRUE(send(first_));
  ASSERT_TRUE(receive(there("c1")));
  put(first_ + "/more", "new");
  ASSERT_TRUE(send(first_, first_));
  const auto added = receive(there("c2"), there("c1"));
  ASSERT_TRUE(added) << text_of(added.error());
  EXPECT_EQ(get(there("c2") + "/more"), "new");
  for (const auto* name : {"c1", "c2"}) EXPECT_TRUE(store().destroy(there(name)));
}

TEST_F(BtrfsStreamTest, OnlyWhatWasEndedIsShared) {
  nest();
  EXPECT_EQ(store().shared_state(first_).value_or("?"), "");
  const auto begun = store().begin_send(first_);
  ASSERT_TRUE(begun) << text_of(begun.error());
  EXPECT_EQ(store().shared_state(first_).value_or("?"), "");
  ASSERT_TRUE(store().end_send(first_, false));
  EXPECT_FALSE(fs::exists(base() + "/c1/.berth-sent"));
  EXPECT_FALSE(store().send(first_, "", 1, nobody_));
  ASSERT_TRUE(send(first_));
  const std::string first = store().shared_state(first_).value_or("?");
  EXPECT_EQ(first.size(), 32U);
  ASSERT_TRUE(receive(there("c1")));
  EXPECT_EQ(store().shared_state(there("c1")).value_or("?"), first);
  ASSERT_TRUE(store().begin_send(first_));  // as one that was killed
  ASSERT_TRUE(send(first_, first_));
  EXPECT_NE(store().shared_state(first_).value_or("?"), first);
  EXPECT_EQ(subvolumes(), 8U);
  ASSERT_TRUE(store().forget_shared_state(first_));
  EXPECT_EQ(store().shared_state(first_).value_or("?"), "");
  EXPECT_EQ(subvolumes(), 4U);
  EXPECT_TRUE(store().destroy(there("c1")));
}

TEST_F(BtrfsStreamTest, DamagedOnesLeaveNothing) {
  nest();
  ASSERT_TRUE(send(first_));
  const std::string whole = get(stream());
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, std::size_t{30}, whole.size() / 2, whole.size() - 4}) {
    put(stream(), whole.substr(0, length));
    EXPECT_FALSE(receive(there("c1"))) << length;
    EXPECT_TRUE(fs::is_empty(other_->directory() + "/c1")) << length;
  }
  std::string outside = whole;
  outside.replace(outside.find("frozen\n"), 6, "../../");
  put(stream(), outside);
  EXPECT_FALSE(receive(there("c1")));
  EXPECT_TRUE(fs::is_empty(other_->directory() + "/c1"));
}

TEST_F(BtrfsStreamTest, WithoutWhatBothShareItIsRefused) {
  nest();
  ASSERT_TRUE(store().snapshot(store(), first_, second_, {}));
  const auto refused = send(second_, first_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(text_of(refused.error()), HasSubstr("send the container whole"));
  ASSERT_TRUE(send(first_));
  ASSERT_TRUE(send(second_, first_));
  EXPECT_FALSE(receive(there("c2"), there("c1")));
  EXPECT_TRUE(fs::is_empty(other_->directory() + "/c2"));
}

TEST_F(BtrfsTest, AReadOnlyFileSystemIsNamed) {
  ASSERT_TRUE(store().create(first_, {}));
  ASSERT_TRUE(lab::run("mount", {"-o", "remount,ro", base()}));
  const auto made = store().create(second_, {});
  const auto snapshot = store().snapshot(store(), first_, second_, {});
  ASSERT_TRUE(lab::run("mount", {"-o", "remount,rw", base()}));
  ASSERT_FALSE(made);
  EXPECT_THAT(text_of(made.error()), HasSubstr("Read-only"));
  EXPECT_THAT(text_of(made.error()), HasSubstr(second_));
  EXPECT_FALSE(snapshot);
  EXPECT_FALSE(fs::exists(second_));
}

TEST_F(BtrfsTest, ACopyThatFindsNoRoomLeavesNothing) {
  const std::string other = lab::make_directory();
  ASSERT_TRUE(dir().create(other + "/rootfs", {}));
  const Fd file(::open((other + "/rootfs/big").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string block(kMiB, 'x');
  for (int i = 0; i < 40; ++i) ASSERT_EQ(::write(file.get(), block.data(), block.size()), static_cast<ssize_t>(block.size()));
  const auto copied = store().copy(dir(), other + "/rootfs", second_, {.size = 20 * kMiB}, nobody_);
  ASSERT_FALSE(copied);
  EXPECT_THAT(text_of(copied.error()), HasSubstr("rootfs/big"));
  EXPECT_FALSE(fs::exists(second_));
  EXPECT_EQ(subvolumes(), 0U);
  EXPECT_TRUE(remove_tree(other));
}

}  // namespace
}  // namespace berth::storage
