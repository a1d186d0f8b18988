#include "kube/request.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)

namespace {

const ResourceType kPods{"", "v1", "pods", "Pod", true};
const ResourceType kNodes{"", "v1", "nodes", "Node", false};
const ResourceType kVersions{"stagekeeper.dev", "v1alpha1", "modelversions", "ModelVersion", true};
const std::string kVersionsPath = "/apis/stagekeeper.dev/v1alpha1/namespaces/ml/modelversions";

}  // namespace

TEST_CASE("resource: apiVersion and key as text") {
  CHECK(kPods.api_version() == "v1");
  CHECK(kVersions.api_version() == "stagekeeper.dev/v1alpha1");
  CHECK(ObjectKey{"ml", "a"}.str() == "ml/a");
  CHECK(ObjectKey{"", "a"}.str() == "a");
}

TEST_CASE("request: method, target and content type of every verb") {
  struct Row {
    Request request;
    std::string method;
    std::string target;
    std::string content_type;
    std::string described;
  };

  const Row rows[] = {
      {get_request(kPods, {"ml", "a"}), "GET", "/api/v1/namespaces/ml/pods/a", "",
       "get pods/a in ml"},
      {get_request(kNodes, {"", "n1"}), "GET", "/api/v1/nodes/n1", "", "get nodes/n1"},
      {get_request(kNodes, {"ignored", "n1"}), "GET", "/api/v1/nodes/n1", "", "get nodes/n1"},
      {get_request(kVersions, {"ml", "a b"}), "GET", kVersionsPath + "/a%20b", "",
       "get modelversions/a%20b in ml"},
      {list_request(kVersions, "ml", {}, 500, ""), "GET", kVersionsPath + "?limit=500", "",
       "list modelversions in ml"},
      {list_request(kPods, "", {"app in (a,b)", "status.phase!=Failed"}, 2, "tok/=&"), "GET",
       "/api/v1/pods?limit=2&labelSelector=app%20in%20%28a%2Cb%29&fieldSelector=status.phase%21%"
       "3DFailed&continue=tok%2F%3D%26",
       "", "list pods"},
      {watch_request(kPods, "ml", {}, "17", std::chrono::seconds(300)), "GET",
       "/api/v1/namespaces/ml/"
       "pods?watch=1&allowWatchBookmarks=true&resourceVersion=17&timeoutSeconds=300",
       "", "watch pods in ml"},
      {create_request(kVersions, "ml", "{}"), "POST", kVersionsPath + "?fieldValidation=Strict",
       "application/json", "create modelversions in ml"},
      {create_request(kNodes, "", "{}"), "POST", "/api/v1/nodes?fieldValidation=Strict",
       "application/json", "create nodes"},
      {apply_request(kVersions, {"ml", "a"}, {"stage/keeper", false}, "{}"), "PATCH",
       kVersionsPath + "/a?fieldManager=stage%2Fkeeper&fieldValidation=Strict",
       "application/apply-patch+yaml", "apply modelversions/a in ml"},
      {apply_request(kVersions, {"ml", "a"}, {"x", true}, "{}"), "PATCH",
       kVersionsPath + "/a?fieldManager=x&force=true&fieldValidation=Strict",
       "application/apply-patch+yaml", "apply modelversions/a in ml"},
      {merge_patch_request(kVersions, {"ml", "a"}, "status", "{}"), "PATCH",
       kVersionsPath + "/a/status", "application/merge-patch+json",
       "patch modelversions/a status in ml"},
      {merge_patch_request(kVersions, {"ml", "a"}, "", "{}"), "PATCH", kVersionsPath + "/a",
       "application/merge-patch+json", "patch modelversions/a in ml"},
      {apply_request(kVersions, {"ml", "a"}, {.field_manager = "x", .dry_run = true}, "{}"),
       "PATCH", kVersionsPath + "/a?fieldManager=x&dryRun=All&fieldValidation=Strict",
       "application/apply-patch+yaml", "apply modelversions/a in ml"},
      {delete_request(kPods, {"ml", "a"}, {}), "DELETE", "/api/v1/namespaces/ml/pods/a",
       "application/json", "delete pods/a in ml"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target);
    CHECK(row.request.method == row.method);
    CHECK(row.request.target == row.target);
    CHECK(row.request.content_type == row.content_type);
    CHECK(describe(row.request) == row.described);
  }
}

TEST_CASE("request: the body of a deletion holds the preconditions that were given") {
  const auto body_of = [](const DeleteOptions& options) {
    return nlohmann::json::parse(delete_request(kPods, {"ml", "a"}, options).body);
  };
  const nlohmann::json plain = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  CHECK(body_of({}) == plain);
  nlohmann::json guarded = plain;
  guarded["propagationPolicy"] = "Foreground";
  guarded["preconditions"] = {{"uid", "u-1"}, {"resourceVersion", "9"}};
  CHECK(body_of({"u-1", "9", "Foreground"}) == guarded);
}

TEST_CASE("request: a name that cannot stand in a path gives no target at all") {
  for (const char* bad : {"", ".", "..", "a/b", "a%2Fb", "../../secrets"}) {
    CAPTURE(std::string(bad));
    CHECK(get_request(kPods, {"ml", bad}).target.empty());
    CHECK(delete_request(kPods, {"ml", bad}, {}).target.empty());
    CHECK(apply_request(kPods, {"ml", bad}, {"x", true}, "{}").target.empty());
    CHECK(merge_patch_request(kPods, {"ml", bad}, "status", "{}").target.empty());
    CHECK(get_request(kPods, {bad, "a"}).target.empty());
    CHECK(create_request(kPods, bad, "{}").target.empty());
    if (std::string(bad).empty()) continue;  // an empty namespace lists all of them
    CHECK(list_request(kPods, bad, {}, 1, "").target.empty());
    CHECK(watch_request(kPods, bad, {}, "1", std::chrono::seconds(1)).target.empty());
  }
  CHECK(describe(Request{.method = "GET"}) == "list (no resource)");
}
