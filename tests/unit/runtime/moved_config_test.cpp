#include "runtime/moved_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "config/parser.hpp"
#include "config/rewrite.hpp"
#include "runtime/dependants.hpp"

namespace berth::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
namespace fs = std::filesystem;

class MovedConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/berth-moved-XXXXXX";
    base_ = ::mkdtemp(name);
    old_ = base_ + "/old";
    new_ = base_ + "/new";
    fs::create_directories(old_ + "/rootfs");
  }
  void TearDown() override { fs::remove_all(base_); }

  MovedConfig move(const std::string& text, const std::function<void(ConfigMove&)>& change = [](ConfigMove&) {}) {
    config::Conf conf;
    const auto loaded = config::load_text(conf, text, "test");
    EXPECT_TRUE(loaded) << loaded.error().line();
    ConfigMove move{.from = old_,
                    .to = new_,
                    .from_root = old_ + "/rootfs",
                    .to_root = new_ + "/rootfs",
                    .rootfs_value = "dir:" + new_ + "/rootfs",
                    .name = "new",
                    .new_hwaddr = false,
                    .everything = false};
    change(move);
    auto moved = move_config(conf, move);
    EXPECT_TRUE(moved) << moved.error().line();
    return moved ? *moved : MovedConfig{};
  }

  std::string base_, old_, new_;
};

TEST_F(MovedConfigTest, ARootThatIsMadeForTheCopyIsManaged) {
  const auto made = [](ConfigMove& move) { move.made_root = true; };
  const std::string unmanaged = "lxc.rootfs.managed = 0\n";
  EXPECT_EQ(move(unmanaged, made).text.substr(0, unmanaged.size()), "lxc.rootfs.managed = 1\n");
  EXPECT_EQ(move(unmanaged).text.substr(0, unmanaged.size()), unmanaged);
  {
    std::ofstream(base_ + "/shared.conf") << unmanaged;
  }
  EXPECT_THAT(move("lxc.include = " + base_ + "/shared.conf\n", made).text, HasSubstr("\nlxc.rootfs.managed = 1\n"));
  EXPECT_THAT(move("lxc.tty.max = 4\n", made).text, Not(HasSubstr("managed")));
}

TEST_F(MovedConfigTest, OnlyWhatMustChangeChanges) {
  const auto moved =
      move("# about " + old_ + "\nlxc.rootfs.path=dir:" + old_ + "/rootfs\n\n  lxc.uts.name =  old\nlxc.tty.max = 4\nfoo = bar");
  EXPECT_EQ(moved.text,
            "# about " + old_ + "\nlxc.rootfs.path=dir:" + new_ + "/rootfs\n\n  lxc.uts.name =  new\nlxc.tty.max = 4\nfoo = bar");
  EXPECT_TRUE(moved.files.empty());
}

TEST_F(MovedConfigTest, WhatWasNotSetIsAppended) {
  EXPECT_THAT(move("lxc.tty.max = 4\n").text, HasSubstr("lxc.uts.name = new\n"));
  EXPECT_THAT(move("lxc.tty.max = 4\n", [](ConfigMove& m) { m.name.clear(); }).text, Not(HasSubstr("lxc.uts.name")));
}

TEST_F(MovedConfigTest, FilesThatAreNamedAreCopiedOnce) {
  std::ofstream(old_ + "/hook") << "x";
  const auto moved =
      move("lxc.hook.clone = " + old_ + "/hook a\nlxc.hook.stop = /bin/sh " + old_ + "/hook " + old_ +
           "/absent\nlxc.log.file = " + old_ + "/log\nlxc.mount.entry = " + old_ + "/data " + old_ + "/rootfs/data none bind\n");
  EXPECT_THAT(moved.files, ElementsAre(Pair(old_ + "/hook", new_ + "/hook")));
  EXPECT_THAT(moved.text, HasSubstr("lxc.hook.clone = " + new_ + "/hook a\n"));
  EXPECT_THAT(moved.text, HasSubstr("/bin/sh " + new_ + "/hook " + old_ + "/absent\n"));
  EXPECT_THAT(moved.text, HasSubstr("lxc.log.file = " + new_ + "/log\n"));
  // The data is not copied: both have the same.
  EXPECT_THAT(moved.text, HasSubstr("lxc.mount.entry = " + old_ + "/data " + new_ + "/rootfs/data none bind\n"));
}

TEST_F(MovedConfigTest, ANameThatBeginsAlikeIsAnother) {
  EXPECT_THAT(move("lxc.log.file = " + old_ + "er/log\n").text, HasSubstr(old_ + "er/log"));
}

TEST_F(MovedConfigTest, ARenameMovesEveryPath) {
  const auto moved =
      move("lxc.rootfs.path = dir:" + old_ + "/rootfs\nlxc.mount.entry = " + old_ + "/data data none bind\n", [](ConfigMove& m) {
        m.everything = true;
        m.rootfs_value.clear();
        m.from_root.clear();
        m.to_root.clear();
      });
  EXPECT_THAT(moved.text, Not(HasSubstr(old_)));
}

constexpr auto kAsRename = [](ConfigMove& m) {
  m.everything = true;
  m.rootfs_value.clear();
  m.from_root.clear();
  m.to_root.clear();
};

TEST_F(MovedConfigTest, ARenameMovesTheRootThatAnIncludedFileNames) {
  std::ofstream(old_ + "/root.conf") << "lxc.rootfs.path = dir:" << old_ << "/rootfs\n";
  const auto moved = move("lxc.include = " + old_ + "/root.conf\n", kAsRename);
  EXPECT_THAT(moved.text, HasSubstr("lxc.include = " + new_ + "/root.conf\n"));
  EXPECT_THAT(moved.text, HasSubstr("lxc.rootfs.path = dir:" + new_ + "/rootfs\n"));
}

TEST_F(MovedConfigTest, ARenameMovesTheRootHoweverItsPathIsWritten) {
  const auto moved = move("lxc.rootfs.path = " + base_ + "//old/./rootfs\nlxc.log.file = " + old_ + "/../other/log\n", kAsRename);
  EXPECT_THAT(moved.text, HasSubstr("lxc.rootfs.path = " + new_ + "/rootfs\n"));
  EXPECT_THAT(moved.text, HasSubstr(old_ + "/../other/log\n"));
}

TEST_F(MovedConfigTest, ACopyHasTheUpperLayersOfItsMountsForItself) {
  const auto entry = [](const std::string& low, const std::string& own) {
    return "lxc.mount.entry = none mnt overlay ro,lowerdir=/low:" + low + "/low,upperdir=" + own + "/delta#a,workdir=" + own +
           "/work#a,create=dir 0 0\n";
  };
  EXPECT_THAT(move(entry(old_, old_)).text, HasSubstr(entry(old_, new_)));
  EXPECT_THAT(move(entry(old_, old_), kAsRename).text, HasSubstr(entry(new_, new_)));
  EXPECT_THAT(move(entry("/x", "/y")).text, HasSubstr(entry("/x", "/y")));
}

TEST_F(MovedConfigTest, ARootElsewhereStaysInARename) {
  const std::string text = "lxc.rootfs.path = " + base_ + "/elsewhere\nlxc.uts.name = new\n";
  EXPECT_EQ(move(text, kAsRename).text, text);
}

TEST_F(MovedConfigTest, AnIncludedDirectoryIsCopiedWithItsFiles) {
  fs::create_directories(old_ + "/conf.d/deeper");
  std::ofstream(old_ + "/conf.d/a.conf") << "lxc.tty.max = 3\n";
  const auto moved = move("lxc.include = " + old_ + "/conf.d/\n");
  EXPECT_THAT(moved.text, HasSubstr("lxc.include = " + new_ + "/conf.d\n"));
  EXPECT_THAT(moved.files,
              ElementsAre(Pair(old_ + "/conf.d", new_ + "/conf.d"), Pair(old_ + "/conf.d/a.conf", new_ + "/conf.d/a.conf")));
}

TEST_F(MovedConfigTest, AddressesAreNewAlsoWhereAnIncludedFileSetsThem) {
  std::ofstream(old_ + "/net") << "lxc.net.1.type = empty\nlxc.net.1.hwaddr = 00:16:3e:aa:bb:cc\n";
  const auto moved = move("lxc.net.0.type = empty\nlxc.net.0.hwaddr = 00:16:3e:11:22:33\nlxc.include = " + old_ + "/net\n",
                          [](ConfigMove& m) { m.new_hwaddr = true; });
  EXPECT_THAT(moved.text, Not(HasSubstr("11:22:33")));
  EXPECT_THAT(moved.text, HasSubstr("lxc.net.1.hwaddr = 00:16:3e:"));
  EXPECT_THAT(moved.files, ElementsAre(Pair(old_ + "/net", new_ + "/net")));
}

TEST(Rewrite, WordsAndWhatIsBetweenThem) {
  const auto twice = [](std::string_view word) { return std::string(word) + std::string(word); };
  EXPECT_EQ(config::rewrite_words("  a \tb  ", " \t", twice), "  aa \tbb  ");
  EXPECT_EQ(config::rewrite_words("", " ", twice), "");
  EXPECT_EQ(config::rewrite_words(":x::", ":", twice), ":xx::");
}

TEST(Dependences, TwoLinesAnEntry) {
  EXPECT_THAT(parse_dependences("/a\nx\n/b\ny"), ElementsAre(Pair("/a", "x"), Pair("/b", "y")));
  EXPECT_TRUE(parse_dependences("").empty());
  EXPECT_TRUE(parse_dependences("3\n").empty());
}

}  // namespace
}  // namespace berth::runtime
