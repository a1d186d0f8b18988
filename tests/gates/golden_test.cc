#include "gates/golden.h"

#include "gates/table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace stagekeeper::gates;

namespace {

/// The code with which a text is refused; empty: it is read.
std::string refusal(const std::string& text) {
  const auto read = read_golden(text);
  return read ? "" : read.error().code;
}

}  // namespace

TEST_CASE("golden: attempts choose different rows, each once, ascending, within the table") {
  std::set<std::uint64_t> seen;
  for (int attempt = 0; attempt < 50; ++attempt) {
    const std::string nonce = "nonce " + std::to_string(attempt);
    const std::vector<std::uint64_t> rows = golden_rows_of(nonce, 5000);
    REQUIRE(rows.size() == kGoldenRows);
    CHECK(rows == golden_rows_of(nonce, 5000));
    CHECK(rows.back() < 5000);
    CHECK(std::ranges::adjacent_find(rows, std::greater_equal{}) == rows.end());
    seen.insert(rows.begin(), rows.end());
  }
  CHECK(seen.size() > 350);  // of 400 draws out of 5000
}

TEST_CASE("golden: a small table gives all it has, and one row more than that still eight") {
  CHECK(golden_rows_of("n", 0).empty());
  CHECK(golden_rows_of("n", 1) == std::vector<std::uint64_t>{0});
  CHECK(golden_rows_of("n", 8) == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(golden_rows_of("n", 9).size() == 8);
}

TEST_CASE("golden: a text reads back, and the longest fits") {
  std::vector<GoldenRow> golden;
  for (std::uint64_t row = 0; row < kGoldenRows; ++row)
    golden.push_back({.row = 999'999'999'999'990 + row, .score = "-1.7976931348623157e+308"});
  const std::string text = golden_text(golden);
  CHECK(text.size() <= kMaxGoldenBytes);
  CHECK(read_golden(text).value() == golden);
  CHECK(golden_text(read_golden("17=0.25 4711=1e-9").value()) == "17=0.25 4711=1e-9");
}

TEST_CASE("golden: what was written by nobody of ours is refused") {
  const struct {
    const char* text;
    const char* code;
  } rows[] = {
      {"", "BadValue"},
      {"17", "BadValue"},
      {"=0.5", "BadValue"},
      {"017=0.5", "BadValue"},
      {"-1=0.5", "BadValue"},
      {"17=0.5 ", "BadValue"},
      {"17=0.5  18=0.5", "BadValue"},
      {"17=", "NotFinite"},
      {"17=nan", "NotFinite"},
      {"17=0.5=0.5", "NotFinite"},
      {"17=0.5 17=0.5", "BadValue"},
      {"18=0.5 17=0.5", "BadValue"},
      {"1=1 2=1 3=1 4=1 5=1 6=1 7=1 8=1 9=1", "BadValue"},
  };

  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(refusal(row.text) == row.code);
  }
  CHECK(refusal(std::string(kMaxGoldenBytes + 1, '1')) == "BadValue");
}

TEST_CASE("table: rows are picked in the order asked, with what is missing in them") {
  const auto table =
      read_table("a,b,c\n1.5,x,7\n,y,8\n3.5,z,9\n", {{.name = "a", .type = ColumnType::kDouble},
                                                     {.name = "b", .type = ColumnType::kString},
                                                     {.name = "c", .type = ColumnType::kLong}});
  REQUIRE(table);
  const std::vector<std::uint64_t> rows = {2, 1};
  const Table picked = pick_rows(*table, rows);
  CHECK(picked.rows == 2);
  CHECK(picked.columns[0].missing == std::vector<std::uint8_t>{0, 1});
  CHECK(std::get<std::vector<double>>(picked.columns[0].values).front() == 3.5);
  CHECK(std::get<std::vector<std::string>>(picked.columns[1].values) ==
        std::vector<std::string>{"z", "y"});
  CHECK(std::get<std::vector<std::int64_t>>(picked.columns[2].values) ==
        std::vector<std::int64_t>{9, 8});
  CHECK(picked.columns[2].name == "c");
}
