#include "gates/table.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

const std::vector<ColumnSpec> kWanted{{.name = "x", .type = ColumnType::kDouble},
                                      {.name = "s", .type = ColumnType::kString}};

const std::vector<std::string>& texts(const Table& table, std::size_t column) {
  return std::get<std::vector<std::string>>(table.columns.at(column).values);
}

const std::vector<double>& doubles(const Table& table, std::size_t column) {
  return std::get<std::vector<double>>(table.columns.at(column).values);
}

}  // namespace

TEST_CASE("csv: quotes, line ends, byte order mark and missing values") {
  const auto table = read_table(
      "\xEF\xBB\xBFs,ignored,x\r\n"
      "\"a,\"\"b\"\"\nc\",1,1.5\r\n"
      ",2,-2e3\n"
      "\"\",3,\n"
      "\xC3\xA4,4,0.25",
      kWanted);
  REQUIRE(table);
  CHECK(table->rows == 4);
  CHECK(texts(*table, 1) == std::vector<std::string>{"a,\"b\"\nc", "", "", "\xC3\xA4"});
  CHECK(table->columns[1].missing == std::vector<std::uint8_t>{0, 1, 0, 0});
  CHECK(doubles(*table, 0)[0] == 1.5);
  CHECK(doubles(*table, 0)[1] == -2000);
  CHECK(doubles(*table, 0)[3] == 0.25);
  CHECK(table->columns[0].missing == std::vector<std::uint8_t>{0, 0, 1, 0});
}

TEST_CASE("csv: a spoiled table is refused, and the message says where") {
  struct Row {
    const char* what;
    std::string csv;
    const char* code;
    const char* says;
  };

  const Row rows[] = {
      {"nothing", "", "NoRows", "header"},
      {"header only", "x,s\n", "NoRows", "no rows"},
      {"a column is missing", "x,t\n1,a\n", "MissingColumn", "column s"},
      {"a repeated column", "x,s,x\n1,a,2\n", "TableInvalid", "repeats"},
      {"a short row", "x,s\n1,a\n2\n", "TableInvalid", "line 3 has 1 fields"},
      {"a long row", "x,s\n1,a,b\n", "TableInvalid", "line 2 has 3 fields"},
      {"an empty line", "x,s\n\n1,a\n", "TableInvalid", "line 2 is empty"},
      {"a line number after a quoted line break", "x,s\n1,\"a\nb\"\nz,c\n", "TableInvalid",
       "line 4, column x"},
      {"an open quote", "x,s\n1,\"a\n", "TableInvalid", "never closed"},
      {"a quote in the middle", "x,s\n1,a\"b\n", "TableInvalid", "quote inside"},
      {"text after a quote", "x,s\n1,\"a\"b\n", "TableInvalid", "after a closing quote"},
      {"a word for a number", "x,s\none,a\n", "TableInvalid",
       "line 2, column x: not a valid double"},
      {"a space before a number", "x,s\n 1,a\n", "TableInvalid", "column x"},
      {"not a number", "x,s\nnan,a\n", "TableInvalid", "column x"},
      {"infinity", "x,s\ninf,a\n", "TableInvalid", "column x"},
      {"too large for a double", "x,s\n1e400,a\n", "TableInvalid", "column x"},
      {"no UTF-8", "x,s\n1,\xFF\n", "TableInvalid", "column s: not a valid string"},
      {"a long field", "x,s\n1," + std::string(5000, 'a') + "\n", "TableTooLarge",
       "column s: longer than 4096"},
      {"many columns", std::string(20'000, ',') + "\n", "TableTooLarge", "20000 columns"},
      {"semicolons", "x;s\n1;a\n", "MissingColumn", "no column x; its header: \"x;s\""},
      {"gzip", "\x1F\x8B\x08,", "TableInvalid", "compressed"},
      {"UTF-16", "\xFF\xFEx,s", "TableInvalid", "UTF-16"},
      {"CR only", "x,s\r1,a\r", "TableInvalid", "CR alone"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto table = read_table(row.csv, kWanted);
    REQUIRE_FALSE(table);
    CHECK(table.error().code == row.code);
    CAPTURE(table.error().message);
    CHECK(table.error().message.find(row.says) != std::string::npos);
  }
}

TEST_CASE("csv: empty lines at the end are no rows") {
  CHECK(read_table("x,s\n1,a\n\n", kWanted)->rows == 1);
  CHECK(read_table("x,s\r\n1,a\r\n\r\n\r\n", kWanted)->rows == 1);
  CHECK(read_table("x\n1\n\n", {{.name = "x"}})->rows == 2);  // a column's missing value
}

TEST_CASE("csv: columns that nobody asks for may be many and long") {
  std::string csv = "x,s";
  std::string row = "1,a";
  for (int i = 0; i < 600; ++i) {
    csv += ",c" + std::to_string(i);
    row += ",7";
  }
  CHECK(read_table(csv + "\n" + row + "\n", kWanted)->rows == 1);
  CHECK(read_table("note,x,s\n\"" + std::string(5000, 'n') + "\"\"\",1,a\n", kWanted)->rows == 1);
}

TEST_CASE("csv: limits of bytes, rows and cells hold") {
  const std::string csv = "x,s\n1,a\n2,b\n3,c\n";
  TableLimits limits;
  limits.rows = 3;
  CHECK(read_table(csv, kWanted, limits));
  limits.rows = 2;
  CHECK(read_table(csv, kWanted, limits).error().code == "TableTooLarge");
  limits = {};
  limits.bytes = csv.size() - 1;
  CHECK(read_table(csv, kWanted, limits).error().code == "TableTooLarge");
  limits = {};
  limits.cells = 5;
  CHECK(read_table(csv, kWanted, limits).error().code == "TableTooLarge");
}

TEST_CASE("table: each type takes its own values and no others") {
  struct Row {
    ColumnType type;
    const char* text;
    bool valid;
  };

  const Row rows[] = {
      {ColumnType::kInteger, "2147483647", true}, {ColumnType::kInteger, "2147483648", false},
      {ColumnType::kLong, "2147483648", true},    {ColumnType::kLong, "9223372036854775808", false},
      {ColumnType::kLong, "1.5", false},          {ColumnType::kLong, "-7", true},
      {ColumnType::kLong, "3.0", true},           {ColumnType::kLong, "3.", false},
      {ColumnType::kLong, ".0", false},           {ColumnType::kLong, "\"\"", true},
      {ColumnType::kDouble, "\"\"", true},        {ColumnType::kInteger, "1.0.0", false},
      {ColumnType::kFloat, "3e38", true},         {ColumnType::kFloat, "4e38", false},
      {ColumnType::kDouble, "4e38", true},        {ColumnType::kDouble, "+1", false},
      {ColumnType::kBoolean, "True", true},       {ColumnType::kBoolean, "0", true},
      {ColumnType::kBoolean, "yes", false},       {ColumnType::kString, "anything", true},
      {ColumnType::kInteger, "", true},  // missing
  };
  for (const Row& row : rows) {
    CAPTURE(name(row.type));
    CAPTURE(row.text);
    const std::string csv = "k,v\n1," + std::string(row.text) + "\n";
    CHECK(read_table(csv, {{.name = "v", .type = row.type}}).has_value() == row.valid);
  }
  for (const char* known : {"double", "float", "long", "integer", "string", "boolean"})
    CHECK(name(column_type(known).value()) == known);
  CHECK_FALSE(column_type("datetime"));
}

TEST_CASE("table: an optional column may be absent, and is then not there") {
  const auto table = read_table(
      "x\n1\n", {{.name = "x"}, {.name = "y", .type = ColumnType::kLong, .required = false}});
  REQUIRE(table);
  CHECK(table->columns.size() == 1);
}
