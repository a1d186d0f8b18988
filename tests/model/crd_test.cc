#include "base/text.h"
#include "model/encode.h"
#include "model/resource.h"
#include "samples.h"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using namespace samples;      // NOLINT(google-build-using-namespace)

namespace {

using Paths = std::set<std::string>;

/// "accuracy" for "Accuracy".
std::string member_of(std::string type) {
  type.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(type.front())));
  return type;
}

/// The members of a union that belong to somebody else: those that a sibling `type` names.
Paths union_members(const YAML::Node& properties) {
  Paths out;
  if (!properties["type"] || !properties["enforcement"]) return out;
  for (const YAML::Node& value : properties["type"]["enum"])
    out.insert(member_of(value.as<std::string>()));
  out.insert("parameters");  // of Custom
  return out;
}

/// Every leaf below a schema node, in the words of field_paths().
void leaves(const YAML::Node& node, const std::string& path, Paths& out) {
  const YAML::Node items = node["items"];
  if (items && items["properties"]) return leaves(items, path + "[]", out);
  const YAML::Node properties = node["properties"];
  if (!properties) {
    out.insert(path);
    return;
  }
  const Paths others = union_members(properties);
  for (const auto& member : properties) {
    const auto key = member.first.as<std::string>();
    if (others.contains(key)) {
      out.insert(path + ".*");
    } else {
      leaves(member.second, path + "." + key, out);
    }
  }
}

YAML::Node schema_of(std::string_view plural) {
  const YAML::Node crd = YAML::LoadFile("crds/" + std::string(plural) + ".yaml");
  return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
}

Paths only(const Paths& all, std::string_view prefix) {
  Paths out;
  std::copy_if(all.begin(), all.end(), std::inserter(out, out.end()),
               [&](const std::string& path) { return path.starts_with(prefix); });
  return out;
}

/// Those of `all` that are not in `taken`, one a line: what a failing check prints.
std::string without(const Paths& all, const Paths& taken) {
  std::vector<std::string> out;
  std::set_difference(all.begin(), all.end(), taken.begin(), taken.end(), std::back_inserter(out));
  return join(out, "\n");
}

template <typename T>
void table_fits_crd() {
  const YAML::Node schema = schema_of(Resource<T>::plural);
  CAPTURE(Resource<T>::kind);
  const std::vector<std::string> listed = field_paths<T>();
  const Paths read(listed.begin(), listed.end());
  CHECK(read.size() == listed.size());  // each field once
  Paths spec;
  leaves(schema["spec"], "spec", spec);
  CHECK(without(spec, read) == "");  // a field that nobody reads
  CHECK(without(only(read, "spec."), spec) == "");
  Paths status;
  leaves(schema["status"], "status", status);
  CHECK(without(only(read, "status."), status) == "");
}

/// encode() is the inverse of decode(), and writes nothing that the sample does not say.
template <typename T>
void survives(const std::string& json) {
  CAPTURE(Resource<T>::kind);
  const T first = decode<T>(json).value();
  const std::string text = encode(first);
  const Result<T> second = decode<T>(text);
  REQUIRE(second);
  CHECK(encode(*second) == text);
  const nlohmann::json written = nlohmann::json::parse(text);
  CHECK(written.at("kind") == Resource<T>::kind);
  CHECK(written.at("apiVersion") == "stagekeeper.dev/v1alpha1");
  CHECK(written.at("metadata").at("uid") == "uid-1");
}

}  // namespace

TEST_CASE("crd: every field of a spec is read, and no field is read that a CRD lacks") {
  table_fits_crd<ModelVersion>();
  table_fits_crd<PromotionPolicy>();
  table_fits_crd<ServingTarget>();
  table_fits_crd<PromotionRequest>();
  table_fits_crd<Approval>();
  table_fits_crd<GateClass>();
}

TEST_CASE("crd: a kind is served where its type says") {
  const auto check = []<typename T>(const T&) {
    const YAML::Node spec =
        YAML::LoadFile("crds/" + std::string(Resource<T>::plural) + ".yaml")["spec"];
    CHECK(spec["group"].template as<std::string>() == Resource<T>::group);
    CHECK(spec["names"]["plural"].template as<std::string>() == Resource<T>::plural);
    CHECK(spec["names"]["kind"].template as<std::string>() == Resource<T>::kind);
    CHECK(spec["versions"][0]["name"].template as<std::string>() == Resource<T>::version);
    CHECK((spec["scope"].template as<std::string>() == "Namespaced") == Resource<T>::namespaced);
  };
  check(ModelVersion{});
  check(PromotionPolicy{});
  check(ServingTarget{});
  check(PromotionRequest{});
  check(Approval{});
  check(GateClass{});
  check(ModelStage{});
}

TEST_CASE("encode: what is written is read back as it was") {
  survives<ModelVersion>(kVersion);
  survives<PromotionPolicy>(kPolicy);
  survives<ServingTarget>(kTarget);
  survives<PromotionRequest>(kRequest);
  survives<Approval>(kApproval);
  survives<GateClass>(kGateClass);
}

TEST_CASE("encode: specs without defaults come back word for word") {
  const auto spec = [](const std::string& json) { return nlohmann::json::parse(json).at("spec"); };
  CHECK(spec(encode(decode<ModelVersion>(kVersion).value())) == spec(kVersion));
  CHECK(spec(encode(decode<ServingTarget>(kTarget).value())) == spec(kTarget));
  CHECK(spec(encode(decode<PromotionRequest>(kRequest).value())) == spec(kRequest));
  CHECK(spec(encode(decode<Approval>(kApproval).value())) == spec(kApproval));
  CHECK(spec(encode(decode<GateClass>(kGateClass).value())) == spec(kGateClass));
}
