#include <gtest/gtest.h>

#include <map>
#include <random>

#include "child/blob.hpp"
#include "plan/plan.hpp"

namespace berth::plan {
namespace {

// Enough different texts for the table of known ones to grow several times.
TEST(Encode, GivesEveryTextBackAndStoresItOnce) {
  std::mt19937 random(11);
  const auto word = [&] { return "text" + std::to_string(random() % 2'000) + std::string(random() % 40, 'x'); };
  Plan plan;
  plan.settings.name = "web1";
  for (int i = 0; i < 1'500; ++i) {
    PlannedStep step;
    step.op = child::Op::kMakeDirectory;
    step.doing = word();
    for (std::string& text : step.text) text = random() % 3 == 0 ? std::string{} : word();
    for (std::size_t count = random() % 5; count > 0; --count) step.list[0].push_back(random() % 4 == 0 ? std::string{} : word());
    plan.steps.push_back(std::move(step));
  }
  const std::string bytes = encode(plan);
  const child::BlobView blob(bytes.data(), bytes.size());
  ASSERT_TRUE(blob.valid());
  ASSERT_EQ(blob.step_count(), plan.steps.size());
  std::map<std::string, std::uint32_t> offsets;
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    const child::Step& step = blob.step(i);
    const PlannedStep& planned = plan.steps[i];
    ASSERT_EQ(planned.doing, blob.text(step.doing));
    for (std::size_t j = 0; j < 4; ++j) {
      ASSERT_EQ(planned.text[j], blob.text(step.text[j]));
      if (planned.text[j].empty()) continue;
      const auto [found, added] = offsets.emplace(planned.text[j], step.text[j]);
      ASSERT_EQ(found->second, step.text[j]) << "stored twice: " << planned.text[j];
    }
    const child::StringList list = blob.list(step.list[0]);
    ASSERT_EQ(list.size(), planned.list[0].size());
    for (std::uint32_t j = 0; j < list.size(); ++j) ASSERT_EQ(planned.list[0][j], list[j]);
  }
}

TEST(Encode, ABlockOfBytesComesBackWhole) {
  Plan plan;
  const std::string bytes("\0\1\2\0three\0", 10);
  for (const char* doing : {"a", "bc", "def"}) {
    PlannedStep& step = plan.steps.emplace_back();
    step.doing = doing;
    step.block = bytes;
  }
  plan.steps.emplace_back().doing = "none";
  const std::string blob = encode(plan);
  const child::BlobView view(blob.data(), blob.size());
  ASSERT_TRUE(view.valid());
  for (std::uint32_t i = 0; i < 3; ++i) {
    const child::Block block = view.block(view.step(i).block);
    ASSERT_EQ(block.size, bytes.size());
    EXPECT_EQ(std::string(static_cast<const char*>(block.data), block.size), bytes);
  }
  EXPECT_EQ(view.block(view.step(3).block).size, 0U);
  for (const auto offset : {blob.size() - 1, blob.size(), std::size_t{0xfffffffc}}) {
    EXPECT_EQ(view.block(static_cast<std::uint32_t>(offset)).data, nullptr) << offset;
  }
}

}  // namespace
}  // namespace berth::plan
