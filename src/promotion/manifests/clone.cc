#include "base/canonical_json.h"
#include "model/decode.h"
#include "promotion/manifests.h"
#include "promotion/manifests/builders.h"
#include "promotion/manifests/containers.h"
#include "promotion/manifests/tailor.h"
#include "promotion/pins.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;
using Labels = std::map<std::string, std::string>;

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::ranges::all_of(selector, [&](const auto& want) {
    const auto have = labels.find(want.first);
    return have != labels.end() && have->second == want.second;
  });
}

/// The label keys a Deployment's selector looks at.
std::set<std::string> selector_keys(const json& selector) {
  std::set<std::string> out;
  // Named, since items() refers to it: a temporary would be gone before the loop begins.
  const json labels = selector.value("matchLabels", json::object());
  for (const auto& [key, unused] : labels.items())
    out.insert(key);
  for (const json& expression : selector.value("matchExpressions", json::array()))
    out.insert(expression.value("key", std::string()));
  return out;
}

/// Labels of the template that nothing selects by.
Labels harmless_labels(const Labels& labels, std::set<std::string> drop,
                       const CloneSource& source) {
  for (const Service& service : source.services) {
    if (!selects(service.selector, labels)) continue;
    for (const auto& [key, unused] : service.selector)
      drop.insert(key);
  }
  for (const DisruptionBudget& budget : source.budgets) {
    // Expressions are not evaluated: a key too many that goes does no harm.
    if (!budget.match_labels.empty() && !selects(budget.match_labels, labels)) continue;
    for (const auto& [key, unused] : budget.match_labels)
      drop.insert(key);
    drop.insert(budget.expression_keys.begin(), budget.expression_keys.end());
  }
  Labels out;
  for (const auto& [key, value] : labels) {
    if (!drop.contains(key) && key != "pod-template-hash") out.emplace(key, value);
  }
  return out;
}

/// Takes every entry of the pinned names out, and writes the pins where the first one stood.
void set_pins(json& container, const std::vector<RenderedPin>& pins) {
  json& env = container["env"];
  if (!env.is_array()) env = json::array();
  for (const RenderedPin& pin : pins) {
    if (json(pin.container) != container["name"]) continue;
    const auto names_it = [&](const json& entry) {
      return entry.value("name", std::string()) == pin.name;
    };
    const json entry = {{"name", pin.name}, {"value", pin.value}};
    const auto found = std::find_if(env.begin(), env.end(), names_it);
    if (found == env.end()) {
      env.push_back(entry);
      continue;
    }
    *found = entry;
    env.erase(std::remove_if(std::next(found), env.end(), names_it), env.end());
  }
}

/// Throws json::exception when the pod spec is malformed.
void pin_pod(json& pod_spec, const std::vector<RenderedPin>& pins) {
  for_each_container(pod_spec, [&](json& container) {
    const bool pinned = std::ranges::any_of(
        pins, [&](const RenderedPin& pin) { return container.at("name") == pin.container; });
    if (pinned) set_pins(container, pins);
  });
}

/// The serving Deployment's spec. Errors: Corrupt when there is no pod template in it.
Result<json> spec_of(const CloneSource& source) {
  Result<json> parsed = parse_strict_json(source.deployment_json, kMaxObjectBytes);
  if (!parsed || !parsed->contains("/spec/template/spec/containers"_json_pointer)) {
    return fail(ErrorCode::kCorrupt, "the serving Deployment has no pod template to clone");
  }
  return std::move((*parsed)["spec"]);
}

tl::unexpected<Error> malformed() {
  return fail(ErrorCode::kCorrupt, "the serving Deployment is malformed");
}

/// Throws json::exception when the spec is malformed.
Labels labels_of(const json& primary, const CloneSource& source, CloneRole role) {
  const json meta = primary.at("template").value("metadata", json::object());
  Labels out = harmless_labels(meta.value("labels", Labels()),
                               selector_keys(primary.at("selector")), source);
  for (const auto& [key, value] : source.target->clone.labels)
    out[key] = value;
  for (const auto& [key, value] : clone_labels(source.request->meta.uid, role))
    out[key] = value;
  return out;
}

/// Throws json::exception when the spec is malformed.
json clone_body(const json& primary, const CloneSource& source, const CreateClone& clone) {
  json pod = primary.at("template");
  const json old_meta = pod.value("metadata", json::object());
  pod["metadata"] = {{"labels", labels_of(primary, source, clone.role)}};
  if (old_meta.contains("annotations")) pod["metadata"]["annotations"] = old_meta["annotations"];
  tailor_pod(pod["spec"], source.target->clone);
  pin_pod(pod["spec"], render_pins(*source.target, clone.version));
  const ObjectMeta& request = source.request->meta;
  const build::Meta meta{
      .ns = request.ns,
      .name = clone_name(source.target->workload.name, clone.role),
      .labels = {{kCloneLabel, std::string(name(clone.role))}, {kRequestUidLabel, request.uid}},
      .annotations = {{kCloneVersionAnnotation, clone.version.version},
                      {kEvaluationAnnotation, clone.evaluation},
                      {kTemplateAnnotation, clone.template_digest},
                      {kRequestAnnotation, request.ns + "/" + request.name}},
      .owner_kind = "PromotionRequest",
      .owner_name = request.name,
      .owner_uid = request.uid};
  return build::deployment(meta, clone_labels(request.uid, clone.role), std::move(pod));
}

}  // namespace

std::string clone_name(const std::string& deployment, CloneRole role) {
  return fmt::format("{}-{}", deployment, name(role));
}

std::map<std::string, std::string> clone_labels(const std::string& request_uid, CloneRole role) {
  return {{kCloneLabel, std::string(name(role))},
          {kCloneOfLabel, fmt::format("{}-{}", request_uid, name(role))}};
}

std::string stray_service(const std::vector<Service>& services,
                          const std::map<std::string, std::string>& pod_labels) {
  const auto found = std::ranges::find_if(
      services, [&](const Service& each) { return selects(each.selector, pod_labels); });
  return found == services.end() ? std::string() : found->meta.name;
}

Result<std::map<std::string, std::string>> planned_labels(const CloneSource& source,
                                                          CloneRole role) {
  const Result<json> spec = spec_of(source);
  if (!spec) return tl::unexpected(spec.error());
  try {
    return labels_of(*spec, source, role);
  } catch (const json::exception&) {
    return malformed();
  }
}

Result<std::string> clone_deployment(const CloneSource& source, const CreateClone& clone) {
  const Result<json> spec = spec_of(source);
  if (!spec) return tl::unexpected(spec.error());
  const Result<Digest> digest = template_digest(source.deployment_json, source.target->pin);
  if (!digest) return malformed();
  if (digest->str() != clone.template_digest) {
    return fail(ErrorCode::kConflict,
                "the Deployment's template has changed since it was decided to clone it");
  }
  try {
    return clone_body(*spec, source, clone).dump();
  } catch (const json::exception&) {
    return malformed();
  }
}

}  // namespace stagekeeper::promotion
