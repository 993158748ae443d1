#include "child/blob.hpp"

#include <gtest/gtest.h>

#include "blob_builder.hpp"

namespace berth::child {
namespace {

using test::BlobBuilder;

TEST(Blob, GivesStepsTextsAndLists) {
  BlobBuilder builder;
  Step step;
  step.op = Op::kExec;
  step.text[0] = builder.text("hello");
  step.list[0] = builder.list({"a", "bc"});
  builder.add(step);
  const std::string blob = builder.finish();
  const BlobView view(blob.data(), blob.size());
  ASSERT_TRUE(view.valid());
  ASSERT_EQ(view.step_count(), 1U);
  EXPECT_STREQ(view.text(view.step(0).text[0]), "hello");
  const StringList list = view.list(view.step(0).list[0]);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_STREQ(list[1], "bc");
  EXPECT_STREQ(list[2], "");
}

TEST(Blob, RefusesWhatIsNotWhole) {
  BlobBuilder builder;
  builder.add(Step{});
  const std::string blob = builder.finish();
  EXPECT_FALSE(BlobView(blob.data(), blob.size() - 1).valid());
  EXPECT_FALSE(BlobView(blob.data(), 3).valid());
  EXPECT_FALSE(BlobView(nullptr, 0).valid());
  std::string wrong_magic = blob;
  wrong_magic[0] = 'x';
  EXPECT_FALSE(BlobView(wrong_magic.data(), wrong_magic.size()).valid());
  std::string no_end = blob;
  no_end.back() = 'x';
  EXPECT_FALSE(BlobView(no_end.data(), no_end.size()).valid());
}

TEST(Blob, RefusesMoreStepsThanItHolds) {
  BlobBuilder builder;
  builder.add(Step{});
  std::string blob = builder.finish();
  const std::uint32_t many = 1'000'000;
  std::memcpy(blob.data() + offsetof(BlobHeader, step_count), &many, sizeof many);
  EXPECT_FALSE(BlobView(blob.data(), blob.size()).valid());
}

TEST(Blob, OffsetsOutOfRangeReadAsAbsent) {
  BlobBuilder builder;
  const std::string blob = builder.finish();
  const BlobView view(blob.data(), blob.size());
  ASSERT_TRUE(view.valid());
  EXPECT_STREQ(view.text(0xffffffff), "");
  EXPECT_EQ(view.list(0xfffffff8).size(), 0U);
  EXPECT_EQ(view.list(3).size(), 0U);
  EXPECT_EQ(view.step(7).op, Op::kNone);
}

}  // namespace
}  // namespace berth::child
