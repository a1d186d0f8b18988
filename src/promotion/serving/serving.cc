#include "promotion/serving/serving.h"

#include "base/enum_names.h"
#include "base/text.h"
#include "promotion/pins.h"
#include "promotion/queries.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::serving {
namespace {

constexpr EnumName<Fault> kFaults[] = {
    {Fault::kNone, "AsRecorded"},
    {Fault::kSelectorMoved, "SelectorMoved"},
    {Fault::kStrangerServes, "StrangerServes"},
    {Fault::kPinDiffers, "PinDiffers"},
    {Fault::kTemplateDiffers, "TemplateDiffers"},
    {Fault::kNothingServes, "NothingServes"},
};
static_assert(names_all(kFaults, Fault::kNothingServes));

/// A rollback puts pins back; nothing else of this operator changes what is around them.
constexpr const char* kRestore =
    "restore it, or create a PromotionRequest with action Rollback to the recorded version";

/// Of rollouts that overtake one another, pods of so many may serve; more are shown as a difference
/// until the last of them is through.
constexpr std::size_t kMaxUnderWay = 4;

/// What may serve now: what is recorded, and both ends of a change that is under way or has to be
/// taken back.
std::vector<VersionRef> allowed_versions(const History& ledger) {
  std::vector<VersionRef> out;
  if (const VersionRef serving = serving_version(ledger); !serving.version.empty())
    out.push_back(serving);
  for (const RecordFact* intent : under_way(ledger)) {
    out.push_back(intent->from);
    out.push_back(intent->to);
  }
  return out;
}

/// What every endpoint is held against.
struct Sight {
  const Facts& facts;
  std::vector<VersionRef> allowed;  ///< see allowed_versions()
  bool changed = false;             ///< the Deployment's template is a new one, by somebody who may
};

bool holds_version(const std::vector<ContainerSpec>& containers, const ServingTarget& target,
                   const VersionRef& version) {
  Deployment running;
  running.containers = containers;
  return holds_pins(running, target, version);
}

/// Whether containers bear the pins of a version that may serve now.
bool may_serve(const Sight& sight, const std::vector<ContainerSpec>& containers) {
  return std::ranges::any_of(sight.allowed, [&](const VersionRef& version) {
    return holds_version(containers, sight.facts.target, version);
  });
}

/// The recorded version whose pins the pod bears, else what it says of itself.
std::string version_of(const EndpointFacts& endpoint, const Sight& sight) {
  for (const VersionRef& version : sight.allowed) {
    if (holds_version(endpoint.containers, sight.facts.target, version)) return version.version;
  }
  for (const PinEnv& pin : sight.facts.target.pin) {
    if (pin.value != "${version}") continue;
    for (const ContainerSpec& container : endpoint.containers) {
      for (const EnvVar& variable : container.env) {
        if (container.name == pin.container && variable.name == pin.name)
          return printable(variable.value, 15);
      }
    }
  }
  return {};
}

std::string object_of(const EndpointFacts& endpoint) {
  if (!endpoint.found) return fmt::format("EndpointSlice {}", endpoint.slice);
  return fmt::format("Pod {}", endpoint.pod);
}

std::vector<Observed> observe(const Sight& sight) {
  std::vector<Observed> out;
  for (const EndpointFacts& endpoint : sight.facts.endpoints) {
    Observed one{.version = version_of(endpoint, sight)};
    if (!endpoint.ours)
      one.object = endpoint.controller.empty() ? object_of(endpoint) : endpoint.controller;
    const auto same = std::ranges::find_if(out, [&](const Observed& other) {
      return other.version == one.version && other.object == one.object;
    });
    if (same == out.end()) {
      one.pods = 1;
      out.push_back(std::move(one));
    } else {
      ++same->pods;
    }
  }
  return out;
}

std::string who(const std::vector<FieldOwner>& owners) {
  return owners.empty() ? std::string() : owners.front().manager;
}

std::string by(const std::string& manager) {
  return manager.empty() ? std::string() : fmt::format(" (written by {})", printable(manager, 128));
}

Verdict moved(const Facts& facts) {
  const std::string service = facts.target.inference.service;
  Verdict out{.fault = Fault::kSelectorMoved,
              .object = "Service " + service,
              .field = "spec.selector",
              .manager = who(facts.selector_owners)};
  out.message =
      fmt::format("Service {} does not select the pods of Deployment {}{}; put its selector back",
                  service, facts.deployment->meta.name, by(out.manager));
  return out;
}

Verdict stranger(const Facts& facts, const EndpointFacts& endpoint) {
  Verdict out{.fault = Fault::kStrangerServes, .object = object_of(endpoint), .field = "endpoints"};
  if (!endpoint.found) {
    out.unsure = !endpoint.pod.empty();
    out.message = fmt::format("{} sends users to {}, which is no pod of this namespace; delete it",
                              out.object, printable(endpoint.ip, 45));
    return out;
  }
  out.field = "metadata.labels";
  out.message = fmt::format(
      "Service {} sends users to pod {} of {}, which is not of Deployment {}; delete it, or give "
      "it "
      "labels that the Service does not select",
      facts.target.inference.service, endpoint.pod,
      endpoint.controller.empty() ? "no controller" : endpoint.controller,
      facts.target.workload.name);
  return out;
}

/// Owners of the template who may not change it.
std::vector<FieldOwner> uninvited(const Facts& facts) {
  std::vector<FieldOwner> out;
  for (const FieldOwner& owner : facts.template_owners) {
    if (std::ranges::find(facts.reference.managers, owner.manager) ==
        facts.reference.managers.end())
      out.push_back(owner);
  }
  return out;
}

bool is_recorded(const Facts& facts, const std::string& digest) {
  return std::ranges::find(facts.reference.digests, digest) != facts.reference.digests.end();
}

bool template_changed(const Facts& facts) {
  return !facts.target.pod_template.guarded && facts.ledger.open_intent() == nullptr &&
         !is_recorded(facts, facts.template_digest) && !facts.template_owners.empty() &&
         uninvited(facts).empty();
}

Verdict other_template(const Facts& facts, const EndpointFacts& endpoint) {
  Verdict out{.fault = Fault::kTemplateDiffers,
              .object = "Deployment " + facts.target.workload.name,
              .field = "spec.template"};
  if (const auto owners = uninvited(facts); !owners.empty()) {
    out.field = owners.front().field;
    out.manager = owners.front().manager;
  }
  out.message = fmt::format(
      "pod {} runs another template of Deployment {} than the recorded one: {}{}; {}", endpoint.pod,
      facts.target.workload.name, printable(out.field, 200), by(out.manager), kRestore);
  return out;
}

Verdict departed(const EndpointFacts& endpoint) {
  return {.fault = Fault::kTemplateDiffers,
          .message = fmt::format("pod {} is not as its template makes it: {} differs; delete the "
                                 "pod, and its controller makes a good one",
                                 endpoint.pod, printable(endpoint.departure, 200)),
          .object = object_of(endpoint),
          .field = endpoint.departure};
}

Verdict other_pins(const Sight& sight, const EndpointFacts& endpoint) {
  const Facts& facts = sight.facts;
  Verdict out{
      .fault = Fault::kPinDiffers, .object = object_of(endpoint), .field = "spec.containers.env"};
  // The pod is as the Deployment makes it, and that was written by somebody else.
  const bool made_so = facts.deployment && !may_serve(sight, facts.deployment->containers);
  if (made_so && !facts.pin_owners.empty()) {
    out.object = "Deployment " + facts.deployment->meta.name;
    out.field = facts.pin_owners.front().field;
    out.manager = facts.pin_owners.front().manager;
  }
  const std::string version = version_of(endpoint, sight);
  const std::string where =
      out.manager.empty()
          ? ""
          : fmt::format(", by {} of {}{}", printable(out.field, 200), out.object, by(out.manager));
  out.message =
      fmt::format("pod {} is pinned to {} and the record says version {}{}; {}", endpoint.pod,
                  version.empty() ? "no version that is known" : "version " + version,
                  serving_version(facts.ledger).version, where, kRestore);
  return out;
}

Verdict judge_endpoint(const Sight& sight, const EndpointFacts& endpoint) {
  const Facts& facts = sight.facts;
  if (!endpoint.found || !endpoint.ours) return stranger(facts, endpoint);
  if (!endpoint.departure.empty()) return departed(endpoint);
  if (!may_serve(sight, endpoint.containers)) return other_pins(sight, endpoint);
  const bool known = is_recorded(facts, endpoint.template_digest) ||
                     (sight.changed && endpoint.template_digest == facts.template_digest);
  return known ? Verdict{} : other_template(facts, endpoint);
}

/// The worst of what the endpoints show; of equals the first. What is sure comes before what is
/// not.
Verdict worst(const Sight& sight) {
  Verdict out;
  for (const EndpointFacts& endpoint : sight.facts.endpoints) {
    Verdict one = judge_endpoint(sight, endpoint);
    if (one.fault == Fault::kNone) continue;
    const bool worse = out.fault == Fault::kNone || (out.unsure && !one.unsure) ||
                       (out.unsure == one.unsure && one.fault < out.fault);
    if (worse) out = std::move(one);
  }
  return out;
}

Verdict nothing(std::string message, std::string object) {
  return {
      .fault = Fault::kNothingServes, .message = std::move(message), .object = std::move(object)};
}

Verdict judge_service(const Sight& sight) {
  const Facts& facts = sight.facts;
  const std::string service = facts.target.inference.service;
  if (!facts.service_found)
    return nothing(fmt::format("Service {} does not exist; create it", service),
                   "Service " + service);
  if (!facts.deployment)
    return nothing(
        fmt::format("Deployment {} does not exist; create it", facts.target.workload.name),
        "Deployment " + facts.target.workload.name);
  const auto& labels = facts.deployment->pod_labels;
  const bool selects =
      !facts.selector.empty() && std::ranges::all_of(facts.selector, [&](const auto& wanted) {
        const auto found = labels.find(wanted.first);
        return found != labels.end() && found->second == wanted.second;
      });
  if (!selects) return moved(facts);
  if (Verdict out = worst(sight); out.fault != Fault::kNone) return out;
  if (facts.endpoints.empty())
    return nothing(fmt::format("no pod behind Service {} is ready", service), "Service " + service);
  return {.message = "users reach the recorded version and nothing else"};
}

}  // namespace

std::string_view name(Fault fault) {
  return enum_name(kFaults, fault);
}

std::vector<const RecordFact*> under_way(const History& ledger) {
  std::vector<const RecordFact*> out;
  const RecordFact* last = ledger.last_pin();
  while (last != nullptr && out.size() < kMaxUnderWay) {
    const RecordFact* intent = left_pins_changed(last) ? ledger.at(last->of) : last;
    if (intent == nullptr || intent->kind != RecordKind::kIntent) break;
    out.push_back(intent);
    last = ledger.last_pin(intent->sequence);
  }
  return out;
}

Verdict judge(const Facts& facts) {
  if (nothing_recorded(facts.ledger)) {
    Verdict out = nothing("no version was promoted yet; create a PromotionRequest",
                          "ServingTarget " + facts.target.meta.name);
    out.observed = observe({.facts = facts});
    return out;
  }
  const Sight sight{.facts = facts,
                    .allowed = allowed_versions(facts.ledger),
                    .changed = facts.deployment && template_changed(facts)};
  Verdict out = judge_service(sight);
  out.template_changed = sight.changed;
  out.changing = facts.ledger.open_intent() != nullptr;
  out.observed = observe(sight);
  return out;
}

}  // namespace stagekeeper::promotion::serving
