// What a killed restore has left is carried out for nobody who could not have begun it.
#include "runtime/exchange.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>

#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

class ExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/berth-exchange-test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    base_ = pattern;
    plan_ = base_ + "/exchanging";
    Exchange exchange;
    exchange.add(base_ + "/from", base_ + "/to", base_ + "/aside");
    ASSERT_TRUE(exchange.write(plan_));
  }
  void TearDown() override { EXPECT_TRUE(storage::remove_tree(base_)); }

  std::string base_, plan_;
};

TEST_F(ExchangeTest, WhatWasWrittenIsReadAndRun) {
  ASSERT_TRUE(sys::replace_file(base_ + "/from", "new"));
  ASSERT_TRUE(sys::replace_file(base_ + "/to", "old"));
  const auto read = Exchange::read(plan_);
  ASSERT_TRUE(read);
  ASSERT_TRUE(read->run());
  EXPECT_EQ(sys::read_file(base_ + "/to").value_or(""), "new");
  EXPECT_EQ(sys::read_file(base_ + "/aside").value_or(""), "old");
}

TEST_F(ExchangeTest, APlanThatOthersCanWriteIsNotBelieved) {
  for (const mode_t mode : {0622U, 0660U}) {
    ASSERT_TRUE(sys::chmod(plan_, mode));
    const auto refused = Exchange::read(plan_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), EPERM);
    EXPECT_FALSE(refused.error().hint().empty());
  }
  ASSERT_TRUE(sys::chmod(plan_, 0600));
  ASSERT_TRUE(Exchange::read(plan_));
  ASSERT_TRUE(sys::rename(plan_, base_ + "/elsewhere"));
  ASSERT_TRUE(sys::symlink(base_ + "/elsewhere", plan_));
  EXPECT_FALSE(Exchange::read(plan_));
}

}  // namespace
}  // namespace berth::runtime
