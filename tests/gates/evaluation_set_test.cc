#include "gates/evaluation_set.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

constexpr Needs kAll{.rows = true, .labels = true, .groups = true};

GateInput input() {
  GateInput out;
  out.features = {{.name = "balance"}, {.name = "student", .type = ColumnType::kLong}};
  out.binary = BinaryTask{
      .label_column = "label", .positive_label = "1", .group_columns = {"group", "student"}};
  return out;
}

/// Reads a table with these labels.
Reasoned<EvaluationSet> labelled(const std::vector<std::string>& labels) {
  std::string csv = "balance,student,group,label\n";
  for (const std::string& label : labels)
    csv += "1.5,0,No," + label + "\n";
  return read_evaluation_set(csv, input(), kAll);
}

}  // namespace

TEST_CASE("evaluation set: label and groups are taken apart from what the model sees") {
  const auto set = read_evaluation_set(
      "balance,student,group,label\n1.5,0,No,0\n2.5,1,,1\n3.5,1,Yes,0\n", input(), kAll);
  REQUIRE(set);
  CHECK(set->features.columns.size() == 2);
  CHECK(set->features.columns[1].name == "student");
  CHECK(set->features.columns[1].type == ColumnType::kLong);
  CHECK(set->labels == std::vector<std::uint8_t>{0, 1, 0});
  REQUIRE(set->groups.size() == 2);
  CHECK(set->groups[0].name == "group");
  CHECK(set->groups[0].values == std::vector<std::string>{"No", "(missing)", "Yes"});
  CHECK(set->groups[1].values == std::vector<std::string>{"0", "1", "1"});

  const auto without = read_evaluation_set("balance,student,label\n1.5,0,1\n", input(), kAll);
  CHECK(without.error().code == "MissingColumn");
}

TEST_CASE("evaluation set: what a kind does not need may be missing") {
  const auto rows = read_evaluation_set("balance,student\n1.5,0\n", input(), {.rows = true});
  REQUIRE(rows);
  CHECK(rows->features.rows == 1);
  CHECK(rows->labels.empty());
  CHECK(rows->groups.empty());
  GateInput no_task = input();
  no_task.binary.reset();
  CHECK(read_evaluation_set("balance,student\n1.5,0\n", no_task, {.rows = true}));
  const auto no_groups = read_evaluation_set("balance,student,label\n1.5,0,1\n2,0,0\n", input(),
                                             {.rows = true, .labels = true});
  REQUIRE(no_groups);
  CHECK(no_groups->labels.size() == 2);
}

TEST_CASE("evaluation set: a label that is neither of two values never counts as negative") {
  struct Row {
    const char* what;
    std::vector<std::string> labels;
    const char* code;
    const char* says;
  };

  const Row rows[] = {
      {"whole numbers and decimals",
       {"1", "0", "1.0"},
       "UnclearLabels",
       R"(has "0" in row 1 and "1.0" in row 2: beside the positive label "1")"},
      {"white space", {"1", "0", "1 "}, "UnclearLabels", R"("1 " in row 2)"},
      {"three classes", {"0", "1", "2"}, "UnclearLabels", R"("2" in row 2)"},
      {"words", {"1", "no", "No"}, "UnclearLabels", R"("No" in row 2 and "no" in row 1)"},
      {"nothing", {"1", "0", ""}, "MissingLabel", "row 2 has no value"},
      {"quoted nothing", {"1", "\"\"", "0"}, "MissingLabel", "row 1 has no value"},
      {"NaN",
       {"1", "NaN", "1"},
       "MissingLabel",
       R"(row 1 has no value in the label column label: "NaN")"},
      {"null", {"1", "0", "NULL"}, "MissingLabel", "\"NULL\""},
      {"no positive one",
       {"0", "1.0", "1.0"},
       "OneClass",
       R"(no row of the label column label has the positive label "1"; found: "0", "1.0")"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto set = labelled(row.labels);
    REQUIRE_FALSE(set);
    CHECK(set.error().code == row.code);
    CAPTURE(set.error().message);
    CHECK(set.error().message.find(row.says) != std::string::npos);
  }
  CHECK(labelled({"1", "0", "0", "1"})->labels == std::vector<std::uint8_t>{1, 0, 0, 1});
  CHECK(labelled({"1", "none", "none"}));
}
