#include "samples.h"

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using namespace samples;      // NOLINT(google-build-using-namespace)

namespace {

std::string template_of(const std::string& json) {
  return template_digest(json, {{.container = "server", .name = "V", .value = "${version}"},
                                {.container = "fetch", .name = "D", .value = "${digest}"}})
      .value()
      .str();
}

}  // namespace

TEST_CASE("spec digest: of the canonical spec, whatever order and spaces it comes in") {
  const auto digest = [](const std::string& json) { return spec_digest(json).value().str(); };
  const std::string one = digest(R"({"spec":{"a":1,"b":["x"]},"metadata":{"uid":"1"}})");
  CHECK(one == digest(R"({"metadata":{"uid":"2"}, "status":{}, "spec":{ "b":["x"], "a":1 }})"));
  CHECK(one == sha256_digest(R"({"a":1,"b":["x"]})").str());
  CHECK(one != digest(R"({"spec":{"a":1,"b":["y"]}})"));
  CHECK(one != digest(R"({"spec":{"a":1,"b":["x"],"c":null}})"));
  for (const char* bad :
       {"", "[]", "7", "{}", R"({"spec":{"a":1,"a":2}})", R"({"spec":{"a":0.5}})"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(spec_digest(bad));
  }
}

TEST_CASE("template digest: pins and restarts are left out, and nothing else") {
  const std::string base = template_of(kDeployment);

  struct Change {
    std::string from;
    std::string to;
    bool same;
  };

  const Change rows[] = {
      {R"({"name":"V","value":"1"},)", R"({"name":"V","value":"2"},)", true},
      {R"({"name":"V","value":"1"},)", "", true},
      {R"({"name":"V","value":"1"},)", R"({"name":"V","valueFrom":{"x":{}}},)", true},
      {R"("value":"d1")", R"("value":"d2")", true},  // of an init container
      {R"(,"env":[{"name":"D","value":"d1"}])", "", true},
      {R"(:"now"})", R"(:"later"})", true},
      {R"({"kubectl.kubernetes.io/restartedAt":"now"})", "{}", true},
      {R"("replicas":3)", R"("replicas":4)", true},
      {R"("status":{)", R"("status":{"x":1,)", true},
      {R"({"name":"W")", R"({"name":"X")", false},
      {R"(:"own")", R"(:"other")", false},  // another container's variable of that name
      {R"({"name":"D","value":"d1"})", R"({"name":"V","value":"d1"})", false},
      {R"("image":"i")", R"("image":"j")", false},
      {R"("image":"f")", R"("image":"g")", false},
      {R"("volumes":[])", R"("volumes":[{"name":"v"}])", false},
      {R"(restartedAt":"now")", R"(restartedAt":"now","note":"x")", false},
  };
  for (const Change& row : rows) {
    CAPTURE(row.from);
    CAPTURE(row.to);
    CHECK((template_of(spoil(kDeployment, row.from, row.to)) == base) == row.same);
  }
  CHECK(template_of(spoil(kDeployment, R"("labels":{"app":"x"})", R"("labels":{"app":"y"})")) !=
        base);
}

TEST_CASE("template digest: the same before the first pin and after it") {
  const std::string bare = R"({"spec":{"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"server","image":"i"}]}}}})";
  const std::string pinned =
      spoil(bare, R"("image":"i")", R"("image":"i","env":[{"name":"V","value":"1"}])");
  CHECK(template_of(bare) == template_of(pinned));
  for (const char* bad :
       {"{}", R"({"spec":{"template":7}})", R"({"spec":{"template":{"spec":{"containers":[7]}}}})",
        R"({"spec":{"template":{"spec":{}}}})"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(template_digest(bad, {{.container = "server", .name = "V", .value = "x"}}));
  }
}

TEST_CASE("request digest: of what is asked, whoever asks, whenever and in whatever order") {
  const PromotionRequest asked = decode<PromotionRequest>(kRequest).value();
  const std::string base = request_digest(asked);
  CHECK(is_digest(base));
  PromotionRequest again = asked;
  again.meta.uid = "another";
  again.meta.created += std::chrono::hours(1);
  again.requester = {.username = "bob", .uid = {}, .groups = {}};
  again.phase = "Promoted";
  CHECK(request_digest(again) == base);

  const auto differs = [&](auto&& change) {
    PromotionRequest other = asked;
    change(other);
    return request_digest(other) != base;
  };
  CHECK(differs([](PromotionRequest& it) { it.model = "fraud"; }));
  CHECK(differs([](PromotionRequest& it) { it.version = "48"; }));
  CHECK(differs([](PromotionRequest& it) { it.stage = "Staging"; }));
  CHECK(differs([](PromotionRequest& it) { it.action = RequestAction::kRollback; }));
  CHECK(differs([](PromotionRequest& it) { it.reason = "another"; }));
  CHECK(differs([](PromotionRequest& it) { it.targets = {}; }));

  PromotionRequest two = asked;
  two.targets = {"b", "a"};
  const std::string unsorted = request_digest(two);
  two.targets = {"a", "b"};
  CHECK(request_digest(two) == unsorted);
}

TEST_CASE("request digest: what it is stays what it was, since records hold it") {
  PromotionRequest request;
  request.model = "credit-risk";
  request.version = "47";
  request.stage = "Production";
  request.targets = {"eu"};
  request.reason = "retrained";
  CHECK(request_digest(request) ==
        sha256_digest(R"({"action":"Promote","model":"credit-risk","reason":"retrained",)"
                      R"("stage":"Production","targets":["eu"],"version":"47"})")
            .str());
}
