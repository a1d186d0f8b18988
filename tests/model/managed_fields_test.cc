#include "model/managed_fields.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

json entry(const char* manager, const char* time, json fields, const char* subresource = "") {
  return {{"manager", manager},
          {"time", time},
          {"subresource", subresource},
          {"fieldsV1", {{"f:spec", std::move(fields)}}}};
}

std::string object(json entries) {
  return json{{"metadata", {{"managedFields", std::move(entries)}}}}.dump();
}

const std::vector<std::string> kTemplate = {"spec", "template"};

}  // namespace

TEST_CASE("managed fields: the latest writer first, each with a field that it owns") {
  const json image = {
      {"f:template",
       {{"f:spec",
         {{"f:containers", {{R"(k:{"name":"server"})", {{".", {}}, {"f:image", {}}}}}}}}}}};
  const json label = {{"f:template", {{"f:metadata", {{"f:labels", {{"f:app", {}}}}}}}}};
  const auto owners = owners_below(object({entry("helm", "2026-01-01T00:00:00Z", label),
                                           entry("kubectl-set", "2026-02-01T00:00:00Z", image)}),
                                   kTemplate);
  REQUIRE(owners.has_value());
  REQUIRE(owners->size() == 2);
  CHECK((*owners)[0].manager == "kubectl-set");
  CHECK((*owners)[0].field == "spec.template.spec.containers[server].image");
  CHECK((*owners)[1].field == "spec.template.metadata.labels.app");
}

TEST_CASE("managed fields: a restart, a status and other fields are no part of the template") {
  const json restart = {
      {"f:template",
       {{"f:metadata", {{"f:annotations", {{"f:kubectl.kubernetes.io/restartedAt", {}}}}}}}}};
  const auto owners = owners_below(
      object({entry("kubectl-rollout", "2026-01-01T00:00:00Z", restart),
              entry("hpa", "2026-01-01T00:00:00Z", {{"f:replicas", {}}}),
              entry("kcm", "2026-01-01T00:00:00Z", {{"f:template", {{"f:spec", {}}}}}, "status")}),
      kTemplate);
  REQUIRE(owners.has_value());
  CHECK(owners->empty());
}

TEST_CASE("managed fields: what is ignored hides nothing beside it") {
  const json fields = {
      {"f:template",
       {{"f:spec",
         {{"f:containers",
           {{R"(k:{"name":"server"})",
             {{".", {}},
              {"f:name", {}},
              {"f:command", {}},
              {"f:env", {{R"(k:{"name":"A"})", {{".", {}}, {"f:value", {}}}}}}}}}}}}}}};
  const std::string text = object({entry("pins", "2026-01-01T00:00:00Z", fields)});
  const std::string server = "spec.template.spec.containers[server]";
  const auto owners =
      owners_below(text, kTemplate, [&](const std::string& manager, const std::string& field) {
        return manager == "pins" && field != server + ".command";
      });
  REQUIRE(owners.has_value());
  REQUIRE(owners->size() == 1);
  CHECK(owners->front().field == server + ".command");
  const auto none =
      owners_below(text, kTemplate, [](const std::string&, const std::string&) { return true; });
  REQUIRE(none.has_value());
  CHECK(none->empty());
}

TEST_CASE("managed fields: whatever is malformed names nobody, and no JSON is an error") {
  CHECK(owners_below(R"({"metadata":{"managedFields":[1,{"manager":2,"fieldsV1":[]}]}})", kTemplate)
            ->empty());
  CHECK(owners_below("{}", kTemplate)->empty());
  CHECK_FALSE(owners_below("[", kTemplate).has_value());
}
