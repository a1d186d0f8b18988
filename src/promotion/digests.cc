#include "promotion/digests.h"

#include "base/canonical_json.h"
#include "promotion/ledger_view.h"

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

json ref(const VersionRef& version) {
  return {{"version", version.version}, {"digest", version.digest}, {"stage", version.stage}};
}

json subject(const World& world) {
  const VersionRef champion =
      world.evaluated_on ? serving_version(world.evaluated_on->ledger) : VersionRef{};
  return {{"request", world.request.meta.uid},
          {"modelVersion", world.version ? world.version->meta.uid : ""},
          {"specDigest", world.version_digest},
          {"model", world.request.model},
          {"version", world.request.version},
          {"artifact", world.version ? world.version->artifact_digest : ""},
          {"dataset", world.policy ? world.policy->evaluation.dataset_digest : ""},
          {"policy", world.policy_digest},
          {"stage", world.request.stage},
          {"template", world.evaluated_on ? world.evaluated_on->template_digest : ""},
          {"champion", ref(champion)}};
}

}  // namespace

std::string evaluation_digest(const World& world) {
  return digest_of(subject(world));
}

std::string decision_digest(const World& world, const GateResults& results, std::uint64_t before) {
  json gates = json::array();
  for (const GateState& gate : results.gates) {
    gates.push_back({{"gate", gate.spec.name},
                     {"verdict", name(gate.verdict)},
                     {"observed", gate.observed},
                     {"threshold", gate.threshold},
                     {"champion", gate.champion},
                     {"samples", gate.samples},
                     {"job", gate.job_uid},
                     {"pod", gate.pod_uid},
                     {"nonce", gate.nonce},
                     {"image", gate.image}});
  }
  json targets = json::array();
  if (world.target) {
    const TargetState& target = *world.target;
    targets.push_back({{"ns", target.target.meta.ns},
                       {"name", target.target.meta.name},
                       {"uid", target.target.meta.uid},
                       {"deployment", target.deployment ? target.deployment->meta.uid : ""},
                       {"template", target.template_digest},
                       {"from", ref(serving_version(target.ledger))},
                       {"baseSeq", std::to_string(base_sequence(target.ledger, before))}});
  }
  return digest_of({{"cluster", world.cluster_uid},
                    {"subject", subject(world)},
                    {"results", gates},
                    {"evidence", results.record.digest},
                    {"targets", targets}});
}

const RecordFact* results_record(const World& world) {
  const RecordFact* latest = nullptr;
  const RecordFact* present = nullptr;
  const std::string digest = evaluation_digest(world);
  for (const RecordFact& record : world.model_ledger.records) {
    if (record.request_uid != world.request.meta.uid) continue;
    const bool ending = record.kind == "Staged" || record.kind == "Blocked" ||
                        record.kind == "Rejected" || record.kind == "Expired";
    if (ending) return &record;
    if (record.kind != "GateResult") continue;
    latest = &record;
    if (record.decision_digest == digest) present = &record;
  }
  return present != nullptr ? present : latest;
}

ReviewRecord review_record(const World& world) {
  const auto first = [&](const LedgerView& ledger) -> const RecordFact* {
    const auto found = std::ranges::find_if(ledger.records, [&](const RecordFact& record) {
      return record.request_uid == world.request.meta.uid && !record.decision_digest.empty() &&
             record.kind != "GateResult";
    });
    return found == ledger.records.end() ? nullptr : &*found;
  };
  const RecordFact* intent = world.target ? first(world.target->ledger) : nullptr;
  if (intent != nullptr) return {.record = intent, .ledger = LedgerKind::kTarget};
  return {.record = first(world.model_ledger), .ledger = LedgerKind::kModel};
}

}  // namespace stagekeeper::promotion
