#include "kube/pager.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)

namespace {

/// Answers calls from a list, in order; the last answer repeats.
class ScriptedApi final : public Api {
 public:
  explicit ScriptedApi(std::vector<Result<std::string>> answers) : answers_(std::move(answers)) {}

  Result<std::string> call(const Request& request) override {
    targets.push_back(request.target);
    return answers_[std::min(targets.size(), answers_.size()) - 1];
  }

  Status watch(const Request& /*request*/, const LineSink& /*sink*/,
               std::stop_token /*stop*/) override {
    return fail(ErrorCode::kInvalid, "no watch here");
  }

  std::vector<std::string> targets;

 private:
  std::vector<Result<std::string>> answers_;
};

struct Collected {
  std::vector<std::string> items;
  int begin_count = 0;

  ListSink sink() {
    return {.begin =
                [this] {
                  items.clear();
                  ++begin_count;
                },
            .item = [this](std::string_view item) -> Status {
              items.emplace_back(item);
              return {};
            }};
  }
};

std::string page(const std::string& version, const std::string& token, const std::string& items) {
  return R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + token +
         R"("},"items":[)" + items + "]}";
}

std::string item(const std::string& name) {
  return R"({"metadata":{"namespace":"ml","name":")" + name + R"(","resourceVersion":"1"}})";
}

const ListQuery kQuery{.type = {"", "v1", "pods", "Pod", true}, .ns = "ml", .page_limit = 2};
const Result<std::string> kGone = fail(ErrorCode::kGone, "too old");

}  // namespace

TEST_CASE("pager: follows the pages and returns the last page's version") {
  ScriptedApi api(
      {page("10", "t1", R"({"a":1},{"b":2})"), page("10", "t2", R"({"c":3})"), page("11", "", "")});
  Collected collected;
  CHECK(list_all(api, kQuery, collected.sink()).value() == "11");
  CHECK(collected.items == std::vector<std::string>{R"({"a":1})", R"({"b":2})", R"({"c":3})"});
  REQUIRE(api.targets.size() == 3);
  CHECK(api.targets[0] == "/api/v1/namespaces/ml/pods?limit=2");
  CHECK(api.targets[2] == "/api/v1/namespaces/ml/pods?limit=2&continue=t2");
}

TEST_CASE("pager: an expired page token starts again and forgets, a few times") {
  ScriptedApi once({page("10", "t1", R"({"a":1})"), kGone, page("12", "", R"({"b":2})")});
  Collected collected;
  CHECK(list_all(once, kQuery, collected.sink()).value() == "12");
  CHECK(collected.items == std::vector<std::string>{R"({"b":2})"});
  CHECK(collected.begin_count == 2);

  ScriptedApi always({kGone});
  Collected none;
  CHECK(list_all(always, kQuery, none.sink()).error().code == ErrorCode::kGone);
  CHECK(always.targets.size() == 4);
}

TEST_CASE("pager: other failures end the list at once") {
  ScriptedApi broken({page("10", "t1", R"({"a":1})"), fail(ErrorCode::kUnavailable, "x")});
  Collected collected;
  CHECK(list_all(broken, kQuery, collected.sink()).error().code == ErrorCode::kUnavailable);
  CHECK(broken.targets.size() == 2);

  ScriptedApi garbage({std::string("<html>")});
  const Result<std::string> malformed = list_all(garbage, kQuery, collected.sink());
  CHECK(malformed.error().code == ErrorCode::kUnavailable);
  CHECK(malformed.error().message.starts_with("list pods in ml: malformed list"));

  ScriptedApi fine({page("10", "", R"({"a":1},{"b":2})")});
  ListSink refusing{
      .begin = [] {},
      .item = [](std::string_view) -> Status { return fail(ErrorCode::kCorrupt, "no"); }};
  CHECK(list_all(fine, kQuery, refusing).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("pager: a list that does not go forward is given up") {
  ScriptedApi endless({page("10", "t", "")});
  Collected collected;
  CHECK(list_all(endless, kQuery, collected.sink()).error().code == ErrorCode::kUnavailable);
  CHECK(endless.targets.size() == 2);
}

TEST_CASE("pager: a page that is too large is asked for again by halves, at the same place") {
  const auto too_large = fail(ErrorCode::kTooLarge, "answer larger than 16777216 bytes");
  ListQuery query = kQuery;
  query.page_limit = 8;
  ScriptedApi api({page("10", "t1", item("a")), too_large, too_large, page("10", "t2", item("b")),
                   page("10", "", item("c"))});
  Collected collected;
  CHECK(list_all(api, query, collected.sink()).value() == "10");
  CHECK(collected.items.size() == 3);
  CHECK(collected.begin_count == 1);
  const std::string path = "/api/v1/namespaces/ml/pods?limit=";
  CHECK(api.targets == std::vector<std::string>{path + "8", path + "8&continue=t1",
                                                path + "4&continue=t1", path + "2&continue=t1",
                                                path + "2&continue=t2"});
}

TEST_CASE("pager: a single object that is too large ends the list and is told by its place") {
  const auto too_large = fail(ErrorCode::kTooLarge, "answer larger than 16777216 bytes");
  ScriptedApi api({page("10", "t1", item("a")), too_large});
  Collected collected;
  const Result<std::string> listed = list_all(api, kQuery, collected.sink());
  CHECK(listed.error().code == ErrorCode::kTooLarge);
  CHECK(listed.error().message == "the object after ml/a: answer larger than 16777216 bytes");
  CHECK(api.targets.size() == 3);
}

TEST_CASE("pager: a list whose token expires is begun again with larger pages") {
  ScriptedApi api({page("10", "t1", item("a")), kGone, page("12", "", item("a"))});
  Collected collected;
  CHECK(list_all(api, kQuery, collected.sink()).value() == "12");
  CHECK(api.targets.back() == "/api/v1/namespaces/ml/pods?limit=8");
}

TEST_CASE("page size: halves to one, grows again with pages that fit, and begins as usual") {
  PageSize size(100);
  int halvings = 0;
  while (size.halve())
    ++halvings;
  CHECK(halvings == 6);
  CHECK(size.limit() == 1);
  for (int pages = 0; pages < 4; ++pages)
    size.page_done();
  CHECK(size.limit() == 2);
  for (int pages = 0; pages < 100; ++pages)
    size.page_done();
  CHECK(size.limit() == 100);
  for (int times = 0; times < 9; ++times)
    size.expired();
  CHECK(size.limit() == PageSize::kMost);
  size.list_done();
  CHECK(size.limit() == 100);
}
