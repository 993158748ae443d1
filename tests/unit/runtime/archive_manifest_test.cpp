// The first member of an archive: what was written is read back, and what leads elsewhere is refused.
#include <gtest/gtest.h>

#include "runtime/backup/manifest.hpp"

namespace berth::runtime {
namespace {

Manifest full() {
  Manifest manifest{.made_by = "berth 0.1.0", .created = "2026-11-22T13:37:00Z", .container = {}};
  manifest.container = {.name = "web1",
                        .host_name = "web",
                        .directory = "/var/lib/lxc/web1",
                        .uid = 100000,
                        .gid = 100001,
                        .mode = 0750,
                        .root = PackedRoot{"loop", "/var/lib/lxc/web1/rootdev", 12345, 1 << 30, "xfs"},
                        .files = {{"0", "fstab"}, {"1", "hooks/pre"}}};
  manifest.snapshots.push_back(
      {.name = "snap0", .host_name = "web", .directory = "/var/lib/lxc/web1/snaps/snap0", .timestamp = "then"});
  return manifest;
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = manifest_text(full());
  const std::size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from << " in " << text;
  return text.replace(place, from.size(), to);
}

TEST(Manifest, ComesBackAsItWas) {
  const auto read = parse_manifest(manifest_text(full()));
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(manifest_text(*read), manifest_text(full()));
  EXPECT_EQ(read->container.name, "web1");
  EXPECT_EQ(read->container.mode, 0750U);
  EXPECT_EQ(read->container.root->limit, 1U << 30);
  EXPECT_EQ(read->container.root->fstype, "xfs");
  EXPECT_EQ(read->container.files.at(1).second, "hooks/pre");
  EXPECT_FALSE(read->snapshots.at(0).root);
}

TEST(Manifest, AStreamComesBack) {
  Manifest manifest = full();
  manifest.stream = PackedStream{"btrfs", "0123456789abcdef", ""};
  const auto read = parse_manifest(manifest_text(manifest));
  ASSERT_TRUE(read && read->stream);
  EXPECT_EQ(read->stream->type, "btrfs");
  EXPECT_EQ(read->stream->id, "0123456789abcdef");
  EXPECT_EQ(read->stream->base, "");
  EXPECT_FALSE(parse_manifest(manifest_text(full()))->stream);
  const PackedStream unusable[] = {{"", "1", ""},       {"zfs", "", ""},
                                   {"zfs", "1", "1"},   {"zfs", "1", "a\033[2J"},
                                   {"zfs", "../1", ""}, {"zfs", std::string(65, 'a'), ""}};
  for (const PackedStream& stream : unusable) {
    manifest.stream = stream;
    EXPECT_FALSE(parse_manifest(manifest_text(manifest))) << stream.id;
  }
}

TEST(Manifest, BytesThatAreNoTextDoNotStopAnExport) {
  Manifest manifest = full();
  manifest.snapshots.at(0).timestamp = "\xff\xfe";
  EXPECT_TRUE(parse_manifest(manifest_text(manifest)));
}

TEST(Manifest, RefusesWhatLeadsElsewhere) {
  for (const char* path :
       {"../fstab", "/etc/passwd", "a/../../b", "a//b", "./a", "", "config", "rootfs/x", "snaps/x", "partial", "importing/0"})
    EXPECT_FALSE(parse_manifest(changed("\"fstab\"", std::string("\"") + path + "\""))) << path;
  EXPECT_FALSE(parse_manifest(changed("\"0\": \"fstab\"", "\"../0\": \"fstab\"")));
  EXPECT_FALSE(parse_manifest(changed("\"name\": \"web1\"", "\"name\": \"../web1\"")));
  EXPECT_FALSE(parse_manifest(changed("\"name\": \"snap0\"", "\"name\": \"../snap0\"")));
  EXPECT_FALSE(parse_manifest(changed("\"/var/lib/lxc/web1\"", "\"web1\"")));
  EXPECT_FALSE(parse_manifest(changed("\"/var/lib/lxc/web1\"", "\"/\"")));
  EXPECT_FALSE(parse_manifest(changed("\"web1\"", "\"web\\n1\"")));
}

TEST(Manifest, RefusesOtherKindsOfValues) {
  EXPECT_FALSE(parse_manifest(""));
  EXPECT_FALSE(parse_manifest("[]"));
  EXPECT_FALSE(parse_manifest("{}"));
  EXPECT_FALSE(parse_manifest(changed("\"mode\": 488", "\"mode\": -1")));
  EXPECT_FALSE(parse_manifest(changed("\"mode\": 488", "\"mode\": \"x\"")));
  EXPECT_FALSE(parse_manifest(changed("\"bytes\": 12345", "\"bytes\": 1e300")));
  EXPECT_FALSE(parse_manifest(changed("\"snapshots\": [", "\"other\": [")));
}

TEST(Manifest, TellsOfAnotherVersion) {
  const auto read = parse_manifest(changed("\"version\": 1", "\"version\": 2"));
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().line().find("version 2"), std::string::npos);
}

}  // namespace
}  // namespace berth::runtime
