#include "base/result.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

Result<std::unique_ptr<int>> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::kInvalid, "odd: " + std::to_string(number));
  return std::make_unique<int>(number / 2);
}

Status positive(int number) {
  if (number <= 0) return fail(ErrorCode::kNotFound, "not positive");
  return {};
}

Result<std::string> quarter(int number) {
  SK_CHECK_OK(positive(number));
  SK_TRY(const std::unique_ptr<int> once, half(number));
  SK_TRY(auto twice, half(*once));
  if (*twice > 100) SK_CHECK_OK(half(1));
  return std::to_string(*twice);
}

}  // namespace

TEST_CASE("result: SK_TRY gives the value, and returns the first error as it is") {
  CHECK(quarter(12).value() == "3");
  REQUIRE_FALSE(quarter(6));
  CHECK(quarter(6).error().code == ErrorCode::kInvalid);
  CHECK(quarter(6).error().message == "odd: 3");
  CHECK(quarter(7).error().message == "odd: 7");
}

TEST_CASE("result: SK_CHECK_OK returns the error of a Status, and of a value that nobody needs") {
  REQUIRE_FALSE(quarter(0));
  CHECK(quarter(0).error().code == ErrorCode::kNotFound);
  CHECK(quarter(404).error().message == "odd: 1");
}

TEST_CASE("result: a failure passed on with words keeps its code and its patience") {
  Error error{ErrorCode::kThrottled, "slow down", std::chrono::milliseconds(5)};
  const Status status = fail(std::move(error), "put x");
  CHECK(status.error().code == ErrorCode::kThrottled);
  CHECK(status.error().message == "put x: slow down");
  CHECK(status.error().retry_after == std::chrono::milliseconds(5));
}
