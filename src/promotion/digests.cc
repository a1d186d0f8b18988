#include "promotion/digests.h"

#include "base/canonical_json.h"
#include "base/crypto.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

/// Every value here is a string, a bool or an object of those, so that canonical form always exists
/// unless a string is no UTF-8, which the API server does not store.
std::string digest_of(const json& value) {
  const Result<std::string> bytes = canonical_json(value);
  return bytes ? sha256_digest(*bytes).str() : std::string();
}

json ref_json(const VersionRef& version) {
  return {{"version", version.version}, {"digest", version.digest}, {"stage", version.stage}};
}

json pins_json(const std::vector<RenderedPin>& pins) {
  json out = json::array();
  for (const RenderedPin& pin : pins)
    out.push_back({{"container", pin.container}, {"name", pin.name}, {"value", pin.value}});
  return out;
}

json gate_json(const GateState& gate) {
  const gates::Judgement& judgement = gate.judgement;
  return {{"gate", gate.spec.name},
          {"verdict", gates::name(gate.verdict)},
          {"observed", judgement.observed},
          {"threshold", judgement.threshold},
          {"champion", judgement.champion},
          {"samples", judgement.samples},
          {"interval", judgement.interval},
          {"job", gate.job_uid},
          {"pod", gate.pod_uid},
          {"servedBy", gate.served_by},
          {"nonce", gate.nonce},
          {"image", gate.image}};
}

json target_json(const DecidedFacts::Target& target, const std::string& ns) {
  return {{"ns", ns},
          {"name", target.name},
          {"uid", target.uid},
          {"spec", target.spec_digest},
          {"deployment", target.deployment_uid},
          {"template", target.template_digest},
          {"from", ref_json(target.from)},
          {"to", ref_json(target.to)},
          {"pins", pins_json(target.pins)},
          {"baseSeq", std::to_string(target.base_sequence)}};
}

}  // namespace

std::string basis_digest(const Subject& subject) {
  json dataset = json::object();
  if (subject.policy && subject.policy->evaluation.dataset) {
    const Dataset& data = *subject.policy->evaluation.dataset;
    dataset = {{"uri", data.uri}, {"version", data.version}, {"digest", data.digest}};
  }
  return digest_of({{"request", subject.request.meta.uid},
                    {"asked", subject.request_digest},
                    {"modelVersion", subject.version ? subject.version->meta.uid : ""},
                    {"specDigest", subject.version_digest},
                    {"model", subject.request.model},
                    {"version", subject.request.version},
                    {"artifact", subject.version ? subject.version->artifact_digest : ""},
                    {"dataset", dataset},
                    {"policy", subject.policy_digest},
                    {"stage", subject.request.stage}});
}

std::string evaluation_digest(const Subject& subject, const std::optional<TargetState>& on) {
  json evaluated = nullptr;
  if (on) {
    const VersionRef champion = serving_version(on->ledger);
    evaluated = {{"name", on->name},
                 {"uid", on->target ? on->target->meta.uid : ""},
                 {"spec", on->spec_digest},
                 {"deployment", on->deployment ? on->deployment->meta.uid : ""},
                 {"template", on->template_digest},
                 {"champion", ref_json(champion)}};
    if (on->target) {
      evaluated["candidatePins"] = pins_json(render_pins(*on->target, requested(subject)));
      evaluated["championPins"] = pins_json(render_pins(*on->target, champion));
    }
  }
  return digest_of({{"basis", basis_digest(subject)}, {"on", evaluated}});
}

DecidedFacts::Target decided_target(const TargetState& state, const VersionRef& to,
                                    std::uint64_t before) {
  DecidedFacts::Target out{.name = state.name,
                           .uid = state.target ? state.target->meta.uid : "",
                           .spec_digest = state.spec_digest,
                           .deployment_uid = state.deployment ? state.deployment->meta.uid : "",
                           .template_digest = state.template_digest,
                           .base_sequence = base_sequence(state.ledger, before),
                           .from = serving_before(state.ledger, before),
                           .to = to};
  if (state.target) {
    out.from_pins = render_pins(*state.target, out.from);
    out.pins = render_pins(*state.target, to);
  }
  return out;
}

std::string decision_digest(const DecisionBasis& basis) {
  json results = json::array();
  std::string evidence;
  if (basis.results != nullptr) {
    evidence = basis.results->record.digest;
    for (const GateState& gate : basis.results->gates)
      results.push_back(gate_json(gate));
  }
  std::vector<const DecidedFacts::Target*> sorted;
  for (const DecidedFacts::Target& target : basis.targets)
    sorted.push_back(&target);
  std::ranges::sort(sorted, {}, [](const auto* target) { return target->name; });
  json targets = json::array();
  for (const DecidedFacts::Target* target : sorted)
    targets.push_back(target_json(*target, basis.subject.request.meta.ns));
  return digest_of({{"cluster", basis.cluster_uid},
                    {"evaluation", evaluation_digest(basis.subject, basis.on)},
                    {"results", results},
                    {"evidence", evidence},
                    {"targets", targets}});
}

const RecordFact* results_record(const History& model, std::string_view request_uid,
                                 std::string_view evaluation) {
  const RecordFact* present = nullptr;
  for (const RecordFact* record : model.of_request(request_uid)) {
    if (record->kind == RecordKind::kGateResult && record->decision_digest == evaluation)
      present = record;
  }
  return present;
}

}  // namespace stagekeeper::promotion
