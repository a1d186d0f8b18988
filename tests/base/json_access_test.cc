#include "base/json_access.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

const json& sample() {
  static const json value = json::parse(
      R"({"a":{"text":"x","count":7,"below":-7,"half":0.5,"huge":18446744073709551615,
          "list":[1,2],"null":null,"empty":""}})");
  return value;
}

}  // namespace

TEST_CASE("json access: finds what is at a path, and nothing where the path leaves the objects") {
  CHECK(find_at(sample(), {}) == &sample());
  REQUIRE(find_at(sample(), {"a", "count"}) != nullptr);
  CHECK(*find_at(sample(), {"a", "count"}) == 7);
  CHECK(find_at(sample(), {"a", "null"}) != nullptr);
  CHECK(find_at(sample(), {"b"}) == nullptr);
  CHECK(find_at(sample(), {"a", "text", "deeper"}) == nullptr);
  CHECK(find_at(sample(), {"a", "list", "0"}) == nullptr);
  CHECK(find_at(json(), {"a"}) == nullptr);
}

TEST_CASE("json access: what is absent or of another type is empty") {
  CHECK(text_at(sample(), {"a", "text"}) == "x");
  CHECK(text_at(sample(), {"a", "count"}).empty());
  CHECK(text_at(sample(), {"a", "null"}).empty());
  CHECK(text_at(sample(), {"nothing", "here"}).empty());
  CHECK(number_at(sample(), {"a", "count"}) == 7);
  CHECK(number_at(sample(), {"a", "below"}) == -7);
  CHECK_FALSE(number_at(sample(), {"a", "half"}));
  CHECK_FALSE(number_at(sample(), {"a", "huge"}));
  CHECK_FALSE(number_at(sample(), {"a", "text"}));
  CHECK_FALSE(number_at(sample(), {"b"}));
  CHECK(list_at(sample(), {"a", "list"}).size() == 2);
  CHECK(list_at(sample(), {"a", "text"}).empty());
  CHECK(list_at(sample(), {"b"}).empty());
}
