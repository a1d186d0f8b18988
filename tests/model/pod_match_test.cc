#include "model/pod_match.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

const json kSpec = R"({
  "serviceAccountName": "server",
  "initContainers": [{"name": "fetch", "image": "fetch@sha256:1"}],
  "containers": [{"name": "server", "image": "server@sha256:1", "args": ["--port=8080"],
                  "env": [{"name": "MODEL_VERSION", "value": "1"}, {"name": "A", "value": "x"}],
                  "volumeMounts": [{"name": "models", "mountPath": "/models"}]}],
  "volumes": [{"name": "models", "emptyDir": {}}]})"_json;

/// The first departure of a pod that was changed so.
std::string departure(const std::function<void(json&)>& change) {
  json spec = kSpec;
  change(spec);
  const json set = {{"spec", {{"template", {{"spec", kSpec}}}}}};
  return pod_departure(set.dump(), json{{"spec", spec}}.dump()).value();
}

}  // namespace

TEST_CASE("pod match: what admission adds is no departure") {
  CHECK(departure([](json&) {}).empty());
  CHECK(departure([](json& spec) {
          spec["containers"].push_back({{"name", "proxy"}, {"image", "proxy"}});
          spec["containers"][0]["env"].push_back({{"name", "HOST_IP"}, {"value", "1"}});
          spec["containers"][0]["volumeMounts"].push_back({{"name", "token"}});
          spec["volumes"].push_back({{"name", "token"}});
          spec["tolerations"] = json::array({{{"key", "node"}}});
        }).empty());
}

TEST_CASE("pod match: another program, another value or another volume is named") {
  const auto server = [](const char* key, const json& value) {
    return departure([&](json& spec) { spec["containers"][0][key] = value; });
  };
  CHECK(server("image", "server@sha256:2") == "spec.containers[server].image");
  CHECK(server("args", json::array()) == "spec.containers[server].args");
  CHECK(server("command", json::array({"sh"})) == "spec.containers[server].command");
  CHECK(server("envFrom", json::array({{{"configMapRef", {{"name", "c"}}}}})) ==
        "spec.containers[server].envFrom");
  CHECK(server("env", json::array()) == "spec.containers[server].env");
  CHECK(server("volumeMounts", json::array()) == "spec.containers[server].volumeMounts[models]");
  CHECK(departure([](json& spec) { spec["containers"][0]["name"] = "other"; }) ==
        "spec.containers[server]");
  CHECK(departure([](json& spec) { spec["initContainers"][0]["image"] = "x"; }) ==
        "spec.initContainers[fetch].image");
  CHECK(departure([](json& spec) {
          spec["volumes"][0] = {{"name", "models"}, {"configMap", {{"name", "c"}}}};
        }) == "spec.volumes[models]");
  CHECK(departure([](json& spec) { spec["serviceAccountName"] = "x"; }) ==
        "spec.serviceAccountName");
}

TEST_CASE("pod match: a second value of a variable is a departure, since the last one rules") {
  CHECK(departure([](json& spec) {
          spec["containers"][0]["env"].push_back({{"name", "MODEL_VERSION"}, {"value", "3"}});
        }) == "spec.containers[server].env");
}

TEST_CASE("pod match: what is no pod and no ReplicaSet is an error") {
  CHECK_FALSE(pod_departure("{}", "{}").has_value());
  CHECK_FALSE(pod_departure("[", "{}").has_value());
}
