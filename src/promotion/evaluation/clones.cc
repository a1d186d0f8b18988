#include "promotion/evaluation/clones.h"

#include "base/canonical_json.h"
#include "base/enum_names.h"
#include "base/text.h"
#include "model/decode.h"
#include "promotion/evaluation/pods.h"
#include "promotion/manifests.h"
#include "promotion/manifests/containers.h"
#include "promotion/manifests/tailor.h"
#include "promotion/pins.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

constexpr EnumName<CloneRole> kRoles[] = {{CloneRole::kCandidate, "candidate"},
                                          {CloneRole::kBaseline, "baseline"}};
static_assert(names_all(kRoles, CloneRole::kBaseline));

constexpr std::size_t kMaxProblem = 300;

bool is_pin(const json& container, const json& entry, const std::vector<PinEnv>& pins) {
  return std::ranges::any_of(pins, [&](const PinEnv& each) {
    return container.value("name", json()) == each.container && entry.is_object() &&
           entry.value("name", json()) == each.name;
  });
}

void drop_pins(json& container, const std::vector<PinEnv>& pins) {
  if (!container.is_object() || !container.contains("env")) return;
  json kept = json::array();
  for (const json& entry : container["env"])
    if (!is_pin(container, entry, pins)) kept.push_back(entry);
  container.erase("env");
  if (!kept.empty()) container["env"] = std::move(kept);
}

/// The pod spec without the variables that pins write, or null.
json without_pins(std::string_view deployment_json, const std::vector<PinEnv>& pins) {
  Result<json> parsed = parse_strict_json(deployment_json, kMaxObjectBytes);
  const json::json_pointer path("/spec/template/spec");
  if (!parsed || !parsed->contains(path)) return nullptr;
  json spec = (*parsed)[path];
  for_each_container(spec, [&](json& container) { drop_pins(container, pins); });
  return spec;
}

/// Whether the clone's pod spec is the serving one as clones of the target have it.
bool is_made_of(const CloneSight& sight) {
  json clone = without_pins(sight.clone_json, sight.target->pin);
  json primary = without_pins(sight.primary_json, sight.target->pin);
  if (!clone.is_object() || !primary.is_object()) return false;
  try {
    tailor_pod(primary, sight.target->clone);
    for (json* spec : {&clone, &primary})
      drop_rewritten(*spec, sight.target->clone);
  } catch (const json::exception&) {
    return false;
  }
  return clone == primary;
}

/// The clone's pods that could answer, oldest first.
std::vector<const Pod*> pods_of(const CloneSight& sight) {
  std::vector<const Pod*> out;
  for (const ReplicaSet& set : *sight.replica_sets) {
    if (set.owner_uid != sight.clone->meta.uid) continue;
    for (const Pod& pod : *sight.pods)
      if (pod.owner_uid == set.meta.uid && !is_over(pod)) out.push_back(&pod);
  }
  std::ranges::sort(out, {},
                    [](const Pod* pod) { return std::pair(pod->meta.created, pod->meta.uid); });
  return out;
}

std::optional<ClonePod> observe_pod(const CloneSight& sight) {
  const std::vector<const Pod*> pods = pods_of(sight);
  if (pods.empty()) return std::nullopt;
  const Pod& pod = *pods.front();
  ClonePod out{.name = pod.meta.name,
               .uid = pod.meta.uid,
               .ip = pod.ip,
               .ready = pod.ready && !pod.ip.empty(),
               .as_made = pod.departure.empty() && runs_template(pod, *sight.clone),
               .created = pod.meta.created,
               .identity = identity_of(pod)};
  if (pods.size() > 1) {
    out.ready = false;
    out.problem = fmt::format("the clone has {} pods, and one is measured", pods.size());
  } else if (!out.as_made) {
    out.problem = fmt::format("it is not what its template makes: {} differs",
                              pod.departure.empty() ? "an image or a variable" : pod.departure);
  } else if (!out.ready) {
    out.problem = printable(problem_of(pod), kMaxProblem, CutMark::kEllipsis);
  }
  return out;
}

}  // namespace

std::string_view name(CloneRole role) {
  return enum_name(kRoles, role);
}

std::string clone_fault(const CloneSight& sight) {
  if (!holds_pins(*sight.clone, *sight.target, sight.version))
    return "it is pinned to something else";
  if (!is_made_of(sight)) return "its pod template is not that of the serving Deployment";
  const auto wanted = clone_labels(label_of(sight.clone->meta, kRequestUidLabel), sight.role);
  if (sight.clone->selector != wanted) return "its selector is not the one of a clone";
  return "";
}

CloneState observe_clone(const CloneSight& sight) {
  const ObjectMeta& meta = sight.clone->meta;
  return {.role = sight.role,
          .name = meta.name,
          .uid = meta.uid,
          .request_uid = label_of(meta, kRequestUidLabel),
          .owner_uid = sight.clone->owner_uid,
          .version = annotation_of(meta, kCloneVersionAnnotation),
          .request = annotation_of(meta, kRequestAnnotation),
          .evaluation = annotation_of(meta, kEvaluationAnnotation),
          .template_digest = annotation_of(meta, kTemplateAnnotation),
          .fault = clone_fault(sight),
          .pods_refused = printable(sight.clone->pods_refused, kMaxProblem, CutMark::kEllipsis),
          .created = meta.created,
          .deleting = meta.deleting,
          .pod = observe_pod(sight)};
}

const CloneState* find_clone(const std::vector<CloneState>& clones, CloneRole role) {
  const auto found = std::ranges::find(clones, role, &CloneState::role);
  return found == clones.end() ? nullptr : &*found;
}

bool owned_by(const CloneState& clone, std::string_view request_uid) {
  return !clone.request_uid.empty() && clone.request_uid == request_uid &&
         clone.owner_uid == request_uid;
}

}  // namespace stagekeeper::promotion
