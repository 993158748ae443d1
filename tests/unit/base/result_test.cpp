#include "base/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace berth {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail("odd number", EDOM);
  return number / 2;
}

Result<int> quarter(int number) {
  const int once = TRY(half(number));
  return half(once);
}

Status check_half(int number) {
  TRY_CONTEXT(half(number), std::string("halving ") + std::to_string(number));
  return {};
}

Result<std::unique_ptr<int>> boxed(int number) { return std::make_unique<int>(number); }

Result<int> unboxed(int number) {
  const std::unique_ptr<int> box = TRY(boxed(number));
  return *box;
}

TEST(Result, TryYieldsTheValue) { EXPECT_EQ(quarter(12).value(), 3); }

TEST(Result, TryReturnsTheFirstFailure) {
  const Result<int> result = quarter(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line(), "odd number");
  EXPECT_EQ(result.error().code(), EDOM);
}

TEST(Result, TryMovesWhatCannotBeCopied) { EXPECT_EQ(unboxed(7).value(), 7); }

TEST(Result, TryContextNamesTheLargerThing) {
  EXPECT_TRUE(check_half(2));
  EXPECT_EQ(check_half(5).error().line(), "halving 5: odd number");
}

TEST(Result, TryEvaluatesItsExpressionOnce) {
  int calls = 0;
  const auto count = [&]() -> Result<int> { return ++calls; };
  const auto use = [&]() -> Result<int> { return TRY(count()); };
  EXPECT_EQ(use().value(), 1);
  EXPECT_EQ(calls, 1);
}

TEST(Result, WithContextLeavesSuccessAlone) {
  EXPECT_EQ(with_context(half(4), "unused").value(), 2);
  EXPECT_EQ(with_context(half(3), "splitting").error().line(), "splitting: odd number");
}

TEST(Result, FailDefaultsToEinval) { EXPECT_EQ(Status(fail("x")).error().code(), EINVAL); }

}  // namespace
}  // namespace berth
