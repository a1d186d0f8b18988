#include "gates/table.h"

#include "gates/evaluation_set.h"
#include "gates/text.h"

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
      {"an empty line", "x,s\n\n1,a\n", "TableInvalid", "line 2"},
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
      {"a long field", "x,s\n1," + std::string(5000, 'a') + "\n", "TableTooLarge", "4096"},
      {"many columns", std::string(600, ',') + "\n", "TableTooLarge", "500 columns"},
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
      {ColumnType::kLong, "1.0", false},          {ColumnType::kLong, "-7", true},
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

TEST_CASE("evaluation set: label and groups are taken apart from what the model sees") {
  GateInput input;
  input.features = {{.name = "balance"}, {.name = "student", .type = ColumnType::kLong}};
  input.label_column = "label";
  input.positive_label = "1";
  input.group_columns = {"group", "student"};
  const auto set = read_evaluation_set(
      "balance,student,group,label\n1.5,0,No,0\n2.5,1,,1\n3.5,1,Yes,1.0\n", input);
  REQUIRE(set);
  CHECK(set->features.columns.size() == 2);
  CHECK(set->features.columns[1].name == "student");
  CHECK(set->features.columns[1].type == ColumnType::kLong);
  CHECK(set->labels == std::vector<std::uint8_t>{0, 1, 0});
  REQUIRE(set->groups.size() == 2);
  CHECK(set->groups[0].name == "group");
  CHECK(set->groups[0].values == std::vector<std::string>{"No", "(missing)", "Yes"});
  CHECK(set->groups[1].values == std::vector<std::string>{"0", "1", "1"});

  const auto unlabelled = read_evaluation_set("balance,student,group,label\n1.5,0,No,\n", input);
  CHECK(unlabelled.error().code == "MissingLabel");
  const auto without = read_evaluation_set("balance,student,label\n1.5,0,1\n", input);
  CHECK(without.error().code == "MissingColumn");
}

TEST_CASE("text: UTF-8 is checked and cut between characters") {
  CHECK(is_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"));
  for (const char* bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\xE2\x82"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
  CHECK(cut_utf8("a\xC3\xA4", 2) == "a");
  CHECK(cut_utf8("a\xC3\xA4", 3) == "a\xC3\xA4");
  CHECK(printable("a\nb\x1B[1m\xFF", 100) == "a?b?[1m?");
  CHECK(printable("abcdef", 3) == "abc");
}
