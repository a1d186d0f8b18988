#include "promotion/wait.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)

TEST_CASE("wait: every code has a name of its own, fit for a condition's reason") {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(WaitCode::kDeleted); ++i) {
    const std::string text(name(static_cast<WaitCode>(i)));
    CAPTURE(text);
    CHECK(names.insert(text).second);
    CHECK(text != "Unknown");
    CHECK(text.front() >= 'A');
    CHECK(text.front() <= 'Z');
  }
  CHECK(name(WaitCode::kAwaitingApproval) == "AwaitingApproval");
}

TEST_CASE("wait: a message says what is the case, and who can do what, or that nobody need") {
  struct Row {
    Wait wait;
    const char* message;
  };

  const Row rows[] = {
      {{.what = "gates run"}, "gates run; no action needed"},
      {{.what = "no policy", .who_can = "its owner creates it"}, "no policy; its owner creates it"},
      {{.what = "no policy", .who_can = "its owner creates it", .command = "kubectl create"},
       "no policy; its owner creates it: kubectl create"},
      {{.what = "no policy", .command = "kubectl create"}, "no policy; kubectl create"},
  };
  for (const Row& row : rows)
    CHECK(message_of(row.wait) == row.message);
}
