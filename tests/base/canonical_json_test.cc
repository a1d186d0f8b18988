#include "base/canonical_json.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

TEST_CASE("canonical_json: keys sort by UTF-16 code units, not by bytes") {
  // RFC 8785 §3.2.3: U+1F600 is a surrogate pair (D83D…) and so comes before U+FB33.
  const json value = {{"\xEF\xAC\xB3", 1}, {"\xF0\x9F\x98\x80", 2}, {"a", 3}};
  CHECK(canonical_json(value).value() == "{\"a\":3,\"\xF0\x9F\x98\x80\":2,\"\xEF\xAC\xB3\":1}");
}

TEST_CASE("canonical_json: escapes as RFC 8785 and nothing more") {
  CHECK(canonical_json(json("\x01\b\n\"\\/\x7f")).value() == "\"\\u0001\\b\\n\\\"\\\\/\x7f\"");
}

TEST_CASE("canonical_json: refuses what records must not hold") {
  struct Row {
    const char* what;
    json value;
  };

  const Row rows[] = {{"a float", 0.5},
                      {"an integer beyond 2^53", 9007199254740993},
                      {"bytes that are no UTF-8", std::string("\xff")}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK_FALSE(canonical_json(row.value));
  }
}

TEST_CASE("parse_strict_json: refuses what a lenient parser lets through") {
  CHECK(parse_strict_json(R"({"a":[1,{"b":null}]})", 100));

  struct Row {
    const char* what;
    std::string text;
  };

  const Row rows[] = {{"duplicate key", R"({"a":1,"a":2})"},
                      {"duplicate key below", R"({"x":{"a":1,"b":{},"a":2}})"},
                      {"trailing text", "{} x"},
                      {"not UTF-8", "\"\xff\""},
                      {"NaN", "NaN"},
                      {"number too large", "1e999"},
                      {"deep", std::string(40, '[') + std::string(40, ']')},
                      {"large", std::string(101, ' ')},
                      {"empty", ""}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK_FALSE(parse_strict_json(row.text, 100));
  }
}
