// What is on a device, and the words of the programs that change it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "../sys/faults.hpp"
#include "base/strings.hpp"
#include "storage/block/make.hpp"
#include "storage/block/new_file.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/resize.hpp"
#include "storage/block/size_text.hpp"
#include "storage/block/tool.hpp"
#include "storage/lvm/lvm_store.hpp"
#include "storage/lvm/volumes.hpp"
#include "storage/nbd/device.hpp"
#include "storage/nbd/nbd_store.hpp"
#include "storage/rbd/rbd_store.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using berth::testing::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string with(std::size_t offset, std::string_view bytes) {
  std::string start(block::kProbeLength, '\0');
  return start.replace(offset, bytes.size(), bytes);
}

std::string text_of(const Error& error) { return error.render("p", "s"); }

// --- magic numbers ------------------------------------------------------------------------------------------------------------

TEST(Probe, KnowsFileSystemsByTheirMagicNumbers) {
  EXPECT_EQ(block::file_system_of(with(0x438, "\x53\xEF")), "ext4");
  EXPECT_EQ(block::file_system_of(with(0, "XFSB")), "xfs");
  EXPECT_EQ(block::file_system_of(with(0x10040, "_BHRfS_M")), "btrfs");
  EXPECT_EQ(block::file_system_of(with(0, "hsqs")), "squashfs");
  EXPECT_EQ(block::file_system_of(with(0x400, "\x10\x20\xF5\xF2")), "f2fs");
  EXPECT_EQ(block::file_system_of(with(0, "nothing")), std::nullopt);
}

TEST(Probe, TakesNoNumberThatIsCutOff) {
  const std::string start = with(0x10040, "_BHRfS_M");
  for (std::size_t length : {0UL, 1UL, 0x10040UL, 0x10047UL})
    EXPECT_EQ(block::file_system_of(std::string_view(start).substr(0, length)), std::nullopt) << length;
  EXPECT_EQ(block::file_system_of(std::string_view(start).substr(0, 0x10048)), "btrfs");
}

TEST(Probe, KnowsWhatIsNoFileSystem) {
  EXPECT_THAT(std::string(block::foreign_content(with(0, "LUKS\xBA\xBE"))), HasSubstr("LUKS"));
  EXPECT_THAT(std::string(block::foreign_content(with(0x1FE, "\x55\xAA"))), HasSubstr("partition"));
  EXPECT_EQ(block::foreign_content(with(0, "")), "");
}

TEST(Probe, KnowsFormatsOfImages) {
  EXPECT_EQ(block::image_format_of(with(0, std::string_view("QFI\xFB\0\0\0\3", 8))), "qcow2");
  EXPECT_EQ(block::image_format_of(with(0, std::string_view("QFI\xFB\0\0\0\1", 8))), "qcow");
  EXPECT_EQ(block::image_format_of(with(0, "KDMV")), "vmdk");
  EXPECT_EQ(block::image_format_of(with(0, "XFSB")), "");
}

TEST(Probe, TriesWhatTheKernelHasAndWeDoNotKnow) {
  EXPECT_THAT(block::block_file_systems("nodev\tproc\n\text4\n\text2\n\tvfat\nnodev\tfuse\n\tfuseblk\n\tminix\n"),
              ElementsAre("vfat", "minix"));
}

TEST(Probe, SaysWhatIsThereInstead) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::replace_file(dir / "disk", with(0x1FE, "\x55\xAA")));
  const auto type = block::find_file_system(dir / "disk");
  ASSERT_FALSE(type);
  EXPECT_THAT(text_of(type.error()), HasSubstr("nbd:FILE:NUMBER"));
}

// --- files that are whole or not there
// ------------------------------------------------------------------------------------------

TEST(NewFile, AppearsWhenItIsFinished) {
  const TemporaryDirectory dir;
  {
    auto file = block::NewFile::begin(dir / "root");
    ASSERT_TRUE(file);
    EXPECT_FALSE(sys::exists(dir / "root"));
    EXPECT_EQ(block::NewFile::begin(dir / "root").error().code(), EBUSY);
    ASSERT_TRUE(file->finish());
  }
  EXPECT_TRUE(sys::exists(dir / "root"));
  EXPECT_EQ(sys::list_directory(dir / "").value().size(), 1U);
  EXPECT_EQ(block::NewFile::begin(dir / "root").error().code(), EEXIST);
}

TEST(NewFile, LeavesNothingWhenItIsGivenUp) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(block::NewFile::begin(dir / "root"));
  EXPECT_TRUE(sys::list_directory(dir / "").value().empty());
}

TEST(NewFile, ThrowsAwayWhatAKilledProcessLeft) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::replace_file(dir / "root.unfinished", "half"));
  ASSERT_TRUE(sys::chmod(dir / "root.unfinished", S_ISVTX | 0600));
  const auto before = sys::stat(dir / "root.unfinished").value();
  std::string discarded;
  auto file = block::NewFile::begin(dir / "root", [&](const std::string& path) -> Status {
    discarded = path;
    return {};
  });
  ASSERT_TRUE(file);
  EXPECT_EQ(discarded, dir / "root.unfinished");
  EXPECT_EQ(sys::stat_fd(file->file().get()).value().st_size, 0);
  EXPECT_NE(sys::stat_fd(file->file().get()).value().st_ino, 0U);
  EXPECT_EQ(before.st_size, 4);
}

TEST(NewFile, LeavesTheImageOfAnotherContainer) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::replace_file(dir / "root.unfinished", "whole"));
  const auto file = block::NewFile::begin(dir / "root");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), EEXIST);
  EXPECT_THAT(text_of(file.error()), HasSubstr(dir / "root.unfinished"));
  EXPECT_TRUE(block::NewFile::remove(dir / "root"));
  EXPECT_EQ(sys::read_file(dir / "root.unfinished").value_or(""), "whole");
}

TEST(NewFile, IsMarkedUntilItIsFinished) {
  const TemporaryDirectory dir;
  auto file = block::NewFile::begin(dir / "root");
  ASSERT_TRUE(file);
  EXPECT_EQ(sys::stat(file->path()).value().st_mode & 07777U, 01600U);
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(sys::stat(dir / "root").value().st_mode & 07777U, 0600U);
}

TEST(NewFile, NeverReplacesWhatHasComeMeanwhile) {
  const TemporaryDirectory dir;
  auto file = block::NewFile::begin(dir / "root");
  ASSERT_TRUE(file);
  ASSERT_TRUE(sys::replace_file(dir / "root", "precious"));
  const auto finished = file->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code(), EEXIST);
  EXPECT_EQ(sys::read_file(dir / "root").value(), "precious");
}

// --- what the programs of LVM answer
// --------------------------------------------------------------------------------------------

TEST(Lvm, PathsNameGroupAndVolume) {
  const auto name = lvm::parse_path("/dev/vg0/c-1_x.y+");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->group, "vg0");
  EXPECT_EQ(name->volume, "c-1_x.y+");
  for (const char* bad : {"", "/dev/vg0", "/dev/vg0/", "/dev//c1", "/dev/vg0/a/b", "/dev/mapper/vg0-c1", "dev/vg0/c1",
                          "/dev/vg0/-f", "/dev/-vg/c1", "/dev/vg0/..", "/dev/vg0/a b", "/srv/vg0/c1"})
    EXPECT_FALSE(lvm::parse_path(bad)) << bad;
}

TEST(Lvm, ReadsVolumes) {
  const auto volumes = lvm::parse_volumes(
      "  vg0|c1|Vwi-aotz--|335544320|lxc||12.34||\n"
      "  vg0|lxc|twi-aotz--|2147483648|||0.00|10.84|one,two\n\n");
  ASSERT_TRUE(volumes);
  ASSERT_EQ(volumes->size(), 2U);
  const lvm::Volume& thin = volumes->front();
  EXPECT_TRUE(thin.is_thin() && thin.is_active() && thin.is_open() && !thin.is_pool());
  EXPECT_EQ(thin.size, 335544320U);
  EXPECT_EQ(thin.data_percent, 13U);
  EXPECT_EQ(thin.metadata_percent, std::nullopt);
  EXPECT_TRUE(volumes->back().is_pool());
  EXPECT_EQ(volumes->back().data_percent, 0U);
  EXPECT_EQ(volumes->back().metadata_percent, 11U);
  EXPECT_TRUE(thin.tags.empty());
  EXPECT_EQ(volumes->back().tags, (std::vector<std::string>{"one", "two"}));
}

TEST(Lvm, ReadsSnapshots) {
  const auto volumes = lvm::parse_volumes("vg0|s|swi-I-s---|4194304||c1|100.00||\nvg0|c1|owi-aos---|4194304|||\n");
  EXPECT_FALSE(volumes);  // a column is missing in the second line
  const auto lost = lvm::parse_volumes("vg0|s|swi-I-s---|4194304||c1|100.00||\n");
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->front().is_thick_snapshot() && lost->front().is_invalid() && !lost->front().is_active());
  EXPECT_EQ(lost->front().origin, "c1");
}

TEST(Lvm, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad :
       {"x", "a|b|c|d|e|f|g|h|i", "a|b|c|1|e|f|101.00||", "a|b|c|1|e|f|1.x||", "a|b|c|-1||||||", "a|b|c|1|||1.00|2.00||4"})
    EXPECT_FALSE(lvm::parse_volumes(bad)) << bad;
  EXPECT_FALSE(lvm::parse_group("1|0"));
  EXPECT_FALSE(lvm::parse_group("1"));
  EXPECT_EQ(lvm::parse_group("  6442450944|4194304\n")->free, 6442450944U);
}

// --- the stores with programs that only say what they would do
// --------------------------------------------------------------------

class FakeTools : public ::testing::Test {
 protected:
  void program(const std::string& name, const std::string& body) {
    const std::string path = dir_ / name;
    std::ofstream(path) << "#!/bin/sh\necho \"" << name << " $*\" >> " << (dir_ / "log") << "\n" << body << "\n";
    ::chmod(path.c_str(), 0755);
  }
  [[nodiscard]] std::string log() const { return sys::read_file(dir_ / "log").value_or(""); }

  // Names are locked on the whole host, and other tests run at the same time.
  std::string name_ = strings::cat("c", ::getpid());
  std::string volume_ = "/dev/vg0/" + name_;
  TemporaryDirectory dir_;
  block::ScopedToolPath path_{dir_ / ""};
};

TEST_F(FakeTools, AMissingProgramNamesItsPackage) {
  EXPECT_THAT(text_of(block::check_type("xfs").error()), HasSubstr("apt install xfsprogs"));
  EXPECT_THAT(text_of(block::check_type("strange").error()), HasSubstr("mkfs.strange"));
  EXPECT_THAT(text_of(lvm_store().destroy(volume_).error()), HasSubstr("apt install lvm2"));
  EXPECT_THAT(text_of(lvm::find_group("vg0").error()), HasSubstr("apt install lvm2"));
}

TEST_F(FakeTools, ATypeIsAWordAlone) {
  program("mkfs.ext4", "exit 0");
  EXPECT_TRUE(block::check_type(""));
  for (const char* bad : {"../ext4", "-f", "ext4 -n", "/bin/sh", ".ext4", "ext4\n"}) EXPECT_FALSE(block::check_type(bad)) << bad;
}

TEST_F(FakeTools, WhatMkfsSaysIsShown) {
  program("mkfs.ext4", "echo No space left on device >&2; exit 1");
  const auto made = block::make_file_system("", dir_ / "image");
  ASSERT_FALSE(made);
  EXPECT_THAT(text_of(made.error()), HasSubstr("No space left on device"));
}

TEST_F(FakeTools, OfMkfssExplanationsTheErrorAlone) {
  program("mkfs.xfs", "echo 'Filesystem must be larger than 300MB.'; echo 'Usage: mkfs.xfs'; echo '/* blocksize */'; exit 1");
  ASSERT_TRUE(sys::replace_file(dir_ / "image", std::string(4096, '\0')));
  const auto made = block::make_file_system("xfs", dir_ / "image");
  ASSERT_FALSE(made);
  const std::string text = text_of(made.error());
  EXPECT_THAT(text, HasSubstr("larger than 300MB"));
  EXPECT_THAT(text, HasSubstr("at least 300 MiB"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("Usage")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("blocksize")));
}

TEST_F(FakeTools, ACopyOfWhatIsNotMadeEmptyNamesAnotherType) {
  const auto checked = block::check_type_of_copy("squashfs");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), EOPNOTSUPP);
  EXPECT_THAT(text_of(checked.error()), HasSubstr("--fstype ext4"));
  EXPECT_THAT(text_of(block::check_type_of_copy("xfs").error()), HasSubstr("apt install xfsprogs"));
}

TEST_F(FakeTools, AnImageNeedsADeviceToBeSeenBy) {
  for (const char* name : {"mkfs.ext4", "qemu-nbd", "qemu-img", "rbd"}) program(name, "exit 0");
  program("modprobe", "echo 'Module not found' >&2; exit 1");
  if (!sys::exists("/sys/block/nbd0")) {
    const auto image = nbd_store().place({"/var/lib/lxc/c1", "c1"}, {});
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code(), ENODEV);
    EXPECT_THAT(text_of(image.error()), HasSubstr("Module not found"));
    EXPECT_THAT(log(), HasSubstr("modprobe --dry-run"));
  }
  if (!sys::exists("/sys/bus/rbd")) {
    const auto image = rbd_store().place({"/var/lib/lxc/c1", "c1"}, {});
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code(), ENODEV);
    EXPECT_THAT(text_of(image.error()), HasSubstr("install rbd-nbd"));
    EXPECT_THAT(log(), ::testing::Not(HasSubstr("rbd ls")));
  }
  program("modprobe", "exit 0");
  EXPECT_EQ(nbd_store().place({"/var/lib/lxc/c1", "c1"}, {}).value(), "/var/lib/lxc/c1/rootdev.qcow2");
  EXPECT_EQ(rbd_store().place({"/var/lib/lxc/c1", "c1"}, {}).value(), "/dev/rbd/lxc/c1");
}

TEST_F(FakeTools, ADeviceThatShowsAnotherFileIsNotDisconnected) {
  program("qemu-nbd", "exit 0");
  const auto words = nbd::disconnection("/dev/nbd4711", "/images/web.raw");
  os::Command command;
  command.program = words.front();
  command.arguments.assign(words.begin() + 1, words.end());
  command.environment = {strings::cat("PATH=", dir_ / "", ":", os::kSearchPath)};
  const auto finished = os::run(command);
  ASSERT_TRUE(finished);
  EXPECT_TRUE(finished->succeeded()) << finished->error_output;
  EXPECT_EQ(log(), "");
}

TEST(Attachment, IsReleasedHereOrByWhomItIsHandedTo) {
  int here = 0;
  const auto count = [&]() -> Status {
    ++here;
    return {};
  };
  Attachment released;
  released.releases = {{"/bin/false"}};
  released.release_here = count;
  EXPECT_TRUE(released.release());
  EXPECT_TRUE(released.release());
  EXPECT_EQ(here, 1);
  Attachment handed;
  handed.releases = {{"/bin/false"}};
  handed.release_here = count;
  EXPECT_EQ(handed.hand_over().size(), 1U);
  EXPECT_TRUE(handed.release());
  EXPECT_EQ(here, 1);
}

TEST(SizeText, IsShort) {
  EXPECT_EQ(block::size_text(0), "0 bytes");
  EXPECT_EQ(block::size_text(512), "512 bytes");
  EXPECT_EQ(block::size_text(std::uint64_t{64} << 20), "64 MiB");
  EXPECT_EQ(block::size_text(std::uint64_t{3} << 29), "1.5 GiB");
  EXPECT_EQ(block::size_text(UINT64_MAX), "15.9 EiB");
}

TEST_F(FakeTools, PlacesNeedAGroup) {
  program("mkfs.ext4", "exit 0");
  program("vgs", "echo '  Volume group \"lxc\" not found' >&2; exit 5");
  const auto place = lvm_store().place({"/var/lib/lxc/c1", "c1"}, {});
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().code(), ENOENT);
  EXPECT_THAT(text_of(place.error()), HasSubstr("vgcreate lxc"));
  program("vgs", "echo '  1073741824|4194304'");
  EXPECT_EQ(lvm_store().place({"/var/lib/lxc/c1", "c1"}, {}).value(), "/dev/lxc/c1");
  EXPECT_FALSE(lvm_store().place({"/var/lib/lxc/c1", "c:1"}, {}));
}

TEST_F(FakeTools, AFullPoolIsRefusedBeforeAnythingIsMade) {
  program("mkfs.ext4", "exit 0");
  program("vgs", "echo '  1073741824|4194304'");
  program("lvs",
          "case \"$*\" in */lxc) echo '  vg0|lxc|twi-aotz--|2147483648|||97.50|10.84|';; *) echo 'Failed to find logical volume' "
          ">&2; exit 5;; esac");
  program("lvcreate", "exit 0");
  Specs specs{};
  const auto made = lvm_store().create(volume_, specs);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ENOSPC);
  EXPECT_THAT(text_of(made.error()), HasSubstr("98 %"));
  EXPECT_THAT(text_of(made.error()), HasSubstr("lvextend"));
  EXPECT_THAT(log(), ::testing::Not(HasSubstr("lvcreate")));
}

TEST_F(FakeTools, AFullGroupIsRefusedBeforeAnythingIsMade) {
  program("mkfs.ext4", "exit 0");
  program("vgs", "echo '  4194304|4194304'");
  program("lvs", "echo 'Failed to find logical volume' >&2; exit 5");
  const auto made = lvm_store().create(volume_, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ENOSPC);
  EXPECT_THAT(text_of(made.error()), HasSubstr("1024 MiB are needed, 4 MiB are free"));
}

TEST_F(FakeTools, WhatIsThereIsNeitherReplacedNorLost) {
  program("mkfs.ext4", "exit 0");
  program("vgs", "echo '  1073741824|4194304'");
  program("lvs", "name=" + name_ +
                     "; case \"$*\" in *origin=*) echo \"  vg0|s1|swi-a-s---|4194304||$name|1.00||\";; "
                     "*/$name) echo \"  vg0|$name|owi-a-s---|4194304|||||\";; "
                     "*/lxc) echo '  vg0|lxc|twi-aotz--|2147483648|||0.00|0.00|';; "
                     "*) echo 'Failed to find logical volume' >&2; exit 5;; esac");
  EXPECT_EQ(lvm_store().create(volume_, {}).error().code(), EEXIST);
  const auto destroyed = lvm_store().destroy(volume_);
  ASSERT_FALSE(destroyed);
  EXPECT_EQ(destroyed.error().code(), EBUSY);
  EXPECT_THAT(text_of(destroyed.error()), HasSubstr("/dev/vg0/s1"));
  EXPECT_THAT(text_of(lvm_store().destroy("/dev/vg0/lxc").error()), HasSubstr("thin pool"));
  EXPECT_TRUE(lvm_store().destroy("/dev/vg0/gone"));
  EXPECT_THAT(log(), ::testing::Not(HasSubstr("lvremove")));
}

TEST_F(FakeTools, AnotherContainersVolumeIsNotTakenForALeftover) {
  const std::string leftover = "vg0/" + name_ + ".unfinished";
  const auto there_is = [&](const std::string& tag) {
    program("lvs", "case \"$*\" in *" + leftover + ") echo '  vg0|" + name_ + ".unfinished|-wi-a-----|4194304|||||" + tag +
                       "';; *) echo 'Failed to find logical volume' >&2; exit 5;; esac");
  };
  program("mkfs.ext4", "exit 0");
  program("vgs", "echo '  1|4194304'");
  program("lvremove", "exit 0");
  for (const std::string tag : {"", "precious", "berth-unfinished.other"}) {
    there_is(tag);
    const auto made = lvm_store().create(volume_, {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), EEXIST);
    EXPECT_THAT(text_of(made.error()), HasSubstr("/dev/" + leftover));
    EXPECT_TRUE(lvm_store().destroy(volume_));
    EXPECT_THAT(log(), ::testing::Not(HasSubstr("lvremove")));
  }
  there_is("mine,berth-unfinished." + name_);
  EXPECT_TRUE(lvm_store().destroy(volume_));
  EXPECT_THAT(log(), HasSubstr("lvremove -f -- " + leftover));
}

TEST_F(FakeTools, AToolThatFailsSaysNothingOfWhatIsThere) {
  program("vgs", "echo '  1073741824|4194304'");
  program("lvs", "echo '  Failed to find logical volume \"vg0/c1\"' >&2; exit 5");
  EXPECT_EQ(lvm_store().exists("/dev/vg0/c1").value(), false);
  program("lvs", "echo '  vg0|c1|twi-aotz--|4194304|||||'");
  EXPECT_EQ(lvm_store().exists("/dev/vg0/c1").value(), true);  // a pool: no root, but there
  EXPECT_FALSE(lvm_store().owns("/dev/vg0/c1"));
  program("lvs", "echo '  /run/lock/lvm/V_vg0: open failed: Interrupted system call' >&2; exit 5");
  const auto unknown = lvm_store().exists("/dev/vg0/c1");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(text_of(unknown.error()), HasSubstr("Interrupted"));
  EXPECT_FALSE(lvm_store().create("/dev/vg0/c1", {}));
  EXPECT_FALSE(lvm_store().destroy("/dev/vg0/c1"));
  EXPECT_THAT(log(), ::testing::AllOf(::testing::Not(HasSubstr("lvcreate")), ::testing::Not(HasSubstr("lvremove"))));
}

TEST_F(FakeTools, AnOpenVolumeIsNotRemoved) {
  program("lvs", "echo '  vg0|" + name_ + "|-wi-ao----|4194304|||||'");
  const auto destroyed = lvm_store().destroy(volume_);
  ASSERT_FALSE(destroyed);
  EXPECT_EQ(destroyed.error().code(), EBUSY);
  EXPECT_THAT(log(), ::testing::Not(HasSubstr("lvremove")));
}

TEST_F(FakeTools, SizesThatCantBeAreRefusedFirst) {
  EXPECT_FALSE(block::check_resize("ext4", "/dev/x", 100, 0));
  EXPECT_EQ(block::check_resize("xfs", "/dev/x", 100, 50).error().code(), EOPNOTSUPP);
  EXPECT_EQ(block::check_resize("squashfs", "/dev/x", 100, 200).error().code(), EOPNOTSUPP);
  EXPECT_TRUE(block::check_resize("xfs", "/dev/x", 100, 200));
  constexpr std::uint64_t kMiB = 1 << 20;
  for (const std::uint64_t bytes : {5 * kMiB, 200 * kMiB, 256 * kMiB - 4096}) {
    const auto refused = block::check_resize("btrfs", "/dev/x", 120 * kMiB, bytes);
    ASSERT_FALSE(refused);
    EXPECT_THAT(text_of(refused.error()), HasSubstr("choose 256 MiB at least"));
  }
  EXPECT_TRUE(block::check_resize("btrfs", "/dev/x", 120 * kMiB, 120 * kMiB));
  EXPECT_TRUE(block::check_resize("btrfs", "/dev/x", 120 * kMiB, 256 * kMiB));
  EXPECT_TRUE(block::check_resize("ext4", "/dev/x", 100, 50));
}

// --- images -------------------------------------------------------------------------------------------------------------------

TEST(Nbd, PathsMayNameAPartition) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::replace_file(dir / "disk:2", ""));
  EXPECT_EQ(nbd::parse_path("/srv/disk.qcow2:1").partition, 1U);
  EXPECT_EQ(nbd::parse_path("/srv/disk.qcow2:1").file, "/srv/disk.qcow2");
  EXPECT_EQ(nbd::parse_path("/srv/disk.qcow2").partition, 0U);
  EXPECT_EQ(nbd::parse_path("/srv/disk:0").file, "/srv/disk:0");
  EXPECT_EQ(nbd::parse_path("/srv/disk:x1").file, "/srv/disk:x1");
  EXPECT_EQ(nbd::parse_path(dir / "disk:2").file, dir / "disk:2");
}

TEST(Nbd, ServersAreKnownByTheirFile) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::replace_file(dir / "image", "x"));
  ASSERT_TRUE(sys::link(dir / "image", dir / "other"));
  ASSERT_TRUE(sys::replace_file(dir / "third", "x"));
  using namespace std::string_literals;
  const auto line = [](const std::string& program, const std::string& file) {
    return program + "\0--connect=/dev/nbd0\0--format=raw\0--\0"s + file + "\0"s;
  };
  EXPECT_TRUE(nbd::serves(line("qemu-nbd", dir / "image"), dir / "image"));
  EXPECT_TRUE(nbd::serves(line("/usr/bin/qemu-nbd", dir / "other"), dir / "image"));
  EXPECT_FALSE(nbd::serves(line("qemu-nbd", dir / "third"), dir / "image"));
  EXPECT_FALSE(nbd::serves(line("vi", dir / "image"), dir / "image"));
  EXPECT_FALSE(nbd::serves("", dir / "image"));
}

// --- what an image is taken for ------------------------------------------------------------------------------------------------

std::string big_endian(std::uint64_t number, int length) {
  std::string bytes;
  while (length-- > 0) bytes += static_cast<char>(number >> (8 * length) & 0xFF);
  return bytes;
}

// A header of QEMU's docs/interop/qcow2.rst.
std::string qcow2(const std::string& base = "", const std::string& format = "", std::uint64_t incompatible = 0) {
  std::string extensions = format.empty() ? "" : big_endian(0xE2792ACA, 4) + big_endian(format.size(), 4) + format;
  extensions.resize((extensions.size() + 7) / 8 * 8 + 8);
  std::string image = "QFI\xFB" + big_endian(3, 4) + big_endian(base.empty() ? 0 : 104 + extensions.size(), 8) +
                      big_endian(base.size(), 4) + std::string(52, '\0') + big_endian(incompatible, 8) + std::string(20, '\0') +
                      big_endian(104, 4);
  return image + extensions + base + std::string(512, '\0');
}

class ImageTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) { ASSERT_TRUE(sys::replace_file(dir_ / name, text)); }
  // The format, or what is in the way.
  [[nodiscard]] std::string format(const std::string& name) const {
    const auto format = nbd::format_of(dir_ / name);
    return format ? *format : text_of(format.error());
  }
  TemporaryDirectory dir_;
};

TEST_F(ImageTest, WhatAContainerWritesIntoARawOneDoesNotMakeItAnother) {
  put("c1.raw", qcow2("/etc/shadow", "raw"));
  put("c1.img", qcow2());
  EXPECT_EQ(format("c1.raw"), "raw");
  EXPECT_EQ(format("c1.img"), "raw");
  EXPECT_EQ(format("c1.raw.unfinished"), "raw");
}

TEST_F(ImageTest, ASnapshotMakesARawOneOneUponIts) {
  put("c1.raw", "data");
  ASSERT_TRUE(sys::link(dir_ / "c1.raw", dir_ / "c1.raw.base-0"));
  put("c1.raw.base-fresh", qcow2("c1.raw.base-0", "raw"));
  EXPECT_EQ(format("c1.raw"), "raw");  // killed half-way
  ASSERT_TRUE(sys::rename(dir_ / "c1.raw.base-fresh", dir_ / "c1.raw"));
  EXPECT_EQ(format("c1.raw"), "qcow2");
  put("c2.raw.unfinished", qcow2(dir_ / "c1.raw.base-0", "raw"));
  put("c2.raw.base-elsewhere", "");
  EXPECT_EQ(format("c2.raw.unfinished"), "qcow2");
}

TEST_F(ImageTest, ThoseOfQemuAreUnderstood) {
  if (!block::is_installed("qemu-img")) GTEST_SKIP() << "no qemu-img (qemu-utils)";
  const auto build = [this](const std::string& base, const std::string& format, const std::string& name,
                            const std::string& options) {
    const auto made =
        nbd::run_image_tool({"create", "-q", "-f", "qcow2", "-o", options, "-b", base, "-F", format, "--", dir_ / name});
    ASSERT_TRUE(made) << text_of(made.error());
  };
  put("c1.raw.base-0", std::string(1 << 20, 'x'));
  for (const char* options : {"compat=1.1", "compat=0.10"}) {
    build("c1.raw.base-0", "raw", "c1.raw", options);
    build("c1.raw", "qcow2", "c1.qcow2", options);
    build(dir_ / "c1.raw", "qcow2", "c2.qcow2", options);
    build("/etc/passwd", "raw", "c3.qcow2", options);
    EXPECT_EQ(format("c1.raw"), "qcow2");
    EXPECT_EQ(format("c1.qcow2"), "qcow2");
    EXPECT_THAT(format("c2.qcow2"), HasSubstr("a file elsewhere"));  // as any absolute name but a base's
    EXPECT_THAT(format("c3.qcow2"), HasSubstr("/etc/passwd, a file elsewhere"));
  }
}

TEST_F(ImageTest, ANameThatSaysNothingOrAnotherFormatIsRefused) {
  put("disk", "data");
  put("c1.qcow2", "data");
  put("c2.qcow2", "KDMV");
  put("other", qcow2());
  EXPECT_THAT(format("disk"), HasSubstr("is not used as raw"));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("is not used as raw"));
  EXPECT_THAT(format("c2.qcow2"), HasSubstr("is not used as vmdk"));
  EXPECT_EQ(format("other"), "qcow2");
}

TEST_F(ImageTest, FilesOfTheHostAreNotShown) {
  put("c1.qcow2", qcow2());
  EXPECT_EQ(format("c1.qcow2"), "qcow2");
  for (const char* base : {"/etc/shadow", "../c2/rootdev.raw", "json:{}", "nbd://host/x", "/srv/x.base-", "/srv/x.base-1x"}) {
    put("c1.qcow2", qcow2(base, "raw"));
    EXPECT_THAT(format("c1.qcow2"), HasSubstr("a file elsewhere")) << base;
  }
  put("c1.qcow2.base-0", "data");
  put("c1.qcow2", qcow2("c1.qcow2.base-0"));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("in which format"));
  put("c1.qcow2", qcow2("c1.qcow2.base-0", "qcow2"));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("is not qcow2"));
  put("c1.qcow2", qcow2(dir_ / "c1.qcow2.base-0", "raw"));
  EXPECT_EQ(format("c1.qcow2"), "qcow2");
  put("c1.qcow2.base-0", qcow2("/etc/shadow", "raw"));
  EXPECT_EQ(format("c1.qcow2"), "qcow2");  // raw: it is data
  put("c1.qcow2", qcow2("c1.qcow2.base-0", "qcow2"));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("a file elsewhere"));
  ASSERT_TRUE(sys::symlink("/etc/shadow", dir_ / "c1.qcow2.base-1"));
  put("c1.qcow2", qcow2("c1.qcow2.base-1", "raw"));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("no regular file"));
  put("c1.qcow2", qcow2("c1.qcow2", "qcow2"));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("upon one another"));
  put("c1.qcow2", qcow2("", "", 4));
  EXPECT_THAT(format("c1.qcow2"), HasSubstr("in another file"));
  put("disk", "KDMV");
  EXPECT_THAT(format("disk"), HasSubstr("can name files of the host"));
}

TEST(Nbd, OnePartitionIsNotTheWholeImage) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::replace_file(dir / "image", "x"));
  const std::string path = (dir / "image") + ":1";
  EXPECT_EQ(nbd_store().destroy(path).error().code(), EOPNOTSUPP);
  EXPECT_EQ(nbd_store().resize(path, 1 << 30).error().code(), EOPNOTSUPP);
  EXPECT_TRUE(sys::exists(dir / "image"));
  EXPECT_TRUE(nbd_store().destroy((dir / "gone") + ":1"));
}

}  // namespace
}  // namespace berth::storage
