// The life of roots on images of a Ceph cluster. The suite of all stores takes many minutes in a virtual machine; run it with
// BERTH_TEST_RBD_POOL set where there is a cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "lab.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;

std::string text_of(const Error& error) { return error.render("p", "s"); }

class RbdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const lab::Row row = lab::rbd_row();
    if (const std::string reason = row.unusable(); !reason.empty()) GTEST_SKIP() << reason;
    lab_ = std::move(*row.make());
    first_ = place("c1");
    second_ = place("c2");
  }
  void TearDown() override {
    if (!lab_) return;
    for (const std::string& root : {second_, first_}) good(store().destroy(root));
  }
  static const BackingStore& store() { return **find_store("rbd"); }
  static void good(const Status& status) { ASSERT_TRUE(status) << text_of(status.error()); }
  std::string place(const std::string& name) {
    const auto placed = store().place({lab_->directory() + "/" + name, name}, lab_->specs());
    EXPECT_TRUE(placed) << text_of(placed.error());
    return placed.value_or("");
  }
  static View view(const std::string& root, Access access) {
    auto attachment = store().attach(root, access);
    EXPECT_TRUE(attachment) << text_of(attachment.error());
    auto opened = View::open(std::move(*attachment), access);
    EXPECT_TRUE(opened) << text_of(opened.error());
    return std::move(*opened);
  }
  static void write(const std::string& root, std::string_view text) {
    View files = view(root, Access::kWrite);
    std::ofstream(files.directory() + "/file") << text;
    good(files.close());
  }
  static std::string read(const std::string& root) {
    const View files = view(root, Access::kRead);
    return sys::read_file(files.directory() + "/file").value_or("(absent)");
  }

  std::unique_ptr<lab::Lab> lab_;
  std::string first_, second_;
};

TEST_F(RbdTest, LifeOfARootAndItsClone) {
  good(store().create(first_, lab_->specs()));
  const auto again = store().create(first_, lab_->specs());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), EEXIST);
  write(first_, "one");

  good(store().snapshot(store(), first_, second_, {}));
  write(second_, "two");
  EXPECT_EQ(read(first_), "one");
  const auto refused = store().destroy(first_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EBUSY);
  EXPECT_THAT(text_of(refused.error()), HasSubstr(second_));

  good(store().resize(second_, 200 * kMiB));
  const auto usage = store().usage(second_);
  ASSERT_TRUE(usage) << text_of(usage.error());
  EXPECT_EQ(usage->limit, 200 * kMiB);
  EXPECT_EQ(read(second_), "two");

  const std::string third = second_ + "-renamed";
  good(store().rename(second_, third));
  EXPECT_FALSE(store().owns(second_));
  EXPECT_EQ(read(third), "two");
  good(store().destroy(third));
  good(store().destroy(first_));
  EXPECT_FALSE(store().owns(first_));
}

TEST_F(RbdTest, ADeviceThatIsMountedStaysAndItsImageToo) {
  good(store().create(first_, lab_->specs()));
  View first = view(first_, Access::kWrite);
  std::ofstream(first.directory() + "/file") << "one";
  if (!sys::exists("/sys/bus/rbd")) {  // rbd-nbd would unmap it under the first
    const auto second = store().attach(first_, Access::kRead);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), EBUSY);
  } else {
    const View second = view(first_, Access::kRead);  // of the same device
    EXPECT_EQ(sys::read_file(second.directory() + "/file").value_or(""), "one");
  }
  const auto refused = store().destroy(first_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EBUSY);
  good(first.close());
  EXPECT_EQ(read(first_), "one");
}

}  // namespace
}  // namespace berth::storage
