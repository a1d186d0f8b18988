#include "base/json_access.h"
#include "base/text.h"
#include "promotion/records/json.h"
#include "promotion/targets.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {

using nlohmann::json;

namespace {

/// What serves at the moment of the decision, by the pod template.
json images_json(const RolloutFacts* facts) {
  json out = json::array();
  if (facts == nullptr || !facts->state.deployment) return out;
  for (const ContainerSpec& container : facts->state.deployment->containers)
    out.push_back({{"container", container.name}, {"image", container.image}});
  return out;
}

json target_json(const DecidedFacts::Target& target, const RolloutFacts* facts) {
  return {{"name", target.name},
          {"uid", target.uid},
          {"specDigest", target.spec_digest},
          {"deploymentUid", target.deployment_uid},
          {"templateDigest", target.template_digest},
          {"baseSequence", target.base_sequence},
          {"from", records::version_json(target.from)},
          {"to", records::version_json(target.to)},
          {"fromPins", records::pins_json(target.from_pins)},
          {"pins", records::pins_json(target.pins)},
          {"images", images_json(facts)}};
}

DecidedFacts::Target target_of_json(const json& value, records::Missing& missing) {
  const auto sequence = number_at(value, {"baseSequence"});
  return {.name = records::need(value, "name", missing),
          .uid = records::need(value, "uid", missing),
          .spec_digest = records::need(value, "specDigest", missing),
          .deployment_uid = records::need(value, "deploymentUid", missing),
          .template_digest = records::need(value, "templateDigest", missing),
          .base_sequence = static_cast<std::uint64_t>(sequence.value_or(0)),
          .from = records::version_at(value, "from"),
          .to = records::version_at(value, "to"),
          .from_pins = records::pins_of(list_at(value, {"fromPins"})),
          .pins = records::pins_of(list_at(value, {"pins"}))};
}

/// What the smoke test will need, as it was when this was decided.
json smoke_json(const DecidedFacts& facts) {
  json out = {{"carries", json(facts.carries)}, {"inputs", json::array()}};
  if (facts.dataset) out["dataset"] = records::dataset_json(*facts.dataset);
  for (const SignatureInput& input : facts.inputs)
    out["inputs"].push_back(
        {{"name", input.name}, {"type", input.type}, {"required", input.required}});
  if (!facts.binary) return out;
  const BinaryClassification& binary = *facts.binary;
  out["binary"] = {{"labelColumn", binary.label_column},
                   {"positiveLabel", binary.positive_label},
                   {"groupColumns", binary.group_columns},
                   {"scoringPath", binary.scoring_path},
                   {"higherMeansPositive", binary.higher_means_positive}};
  if (binary.positive_index) out["binary"]["positiveIndex"] = *binary.positive_index;
  return out;
}

BinaryClassification binary_of(const json& value) {
  BinaryClassification out{.label_column = text_at(value, {"labelColumn"}),
                           .positive_label = text_at(value, {"positiveLabel"}),
                           .scoring_path = text_at(value, {"scoringPath"})};
  for (const json& column : list_at(value, {"groupColumns"}))
    if (column.is_string()) out.group_columns.push_back(column.get<std::string>());
  if (const auto index = number_at(value, {"positiveIndex"}))
    out.positive_index = static_cast<int>(*index);
  const json* higher = find_at(value, {"higherMeansPositive"});
  out.higher_means_positive = higher == nullptr || *higher == json(true);
  return out;
}

void read_smoke(const json& smoke, DecidedFacts& out) {
  if (const json* carries = find_at(smoke, {"carries"}); carries != nullptr && carries->is_object())
    for (const auto& member : carries->items())
      if (member.value().is_string()) out.carries[member.key()] = member.value();
  if (const json* dataset = find_at(smoke, {"dataset"}))
    out.dataset = records::dataset_of(*dataset);
  for (const json& input : list_at(smoke, {"inputs"})) {
    const json* required = find_at(input, {"required"});
    out.inputs.push_back({.name = text_at(input, {"name"}),
                          .type = text_at(input, {"type"}),
                          .required = required == nullptr || *required == json(true)});
  }
  if (const json* binary = find_at(smoke, {"binary"})) out.binary = binary_of(*binary);
}

}  // namespace

std::string decided_body(const ProvenanceFacts& provenance, const DecidedFacts& facts,
                         const std::vector<ApprovalState>& approvals,
                         const std::vector<RolloutFacts>& states) {
  return records::fitting([&](const records::Brevity& brevity) {
    json body = records::provenance_json(provenance, brevity);
    body["basisDigest"] = facts.basis_digest;
    body["targets"] = json::array();
    for (const DecidedFacts::Target& target : facts.targets)
      body["targets"].push_back(target_json(target, find_target(states, target.name)));
    body["left"] = records::ends_json(facts.left, brevity);
    body["smoke"] = smoke_json(facts);
    body["gates"] = records::gates_json(facts.gates, brevity);
    body["approvals"] =
        records::approvals_json(provenance.subject, facts.approvals, approvals, brevity);
    if (!facts.admission_doubt.empty())
      body["admissionDoubt"] = cut_utf8(facts.admission_doubt, brevity.text, CutMark::kEllipsis);
    if (facts.review) body["review"] = records::review_json(*facts.review);
    return body;
  });
}

Result<DecidedFacts> decided_facts_of(const RecordFact& record, std::string_view body) {
  SK_TRY(const json value, records::parsed(record, body));
  records::Missing missing;
  DecidedFacts out{.record = record, .basis_digest = records::need(value, "basisDigest", missing)};
  for (const json& target : list_at(value, {"targets"}))
    out.targets.push_back(target_of_json(target, missing));
  if (out.targets.empty() && missing.empty()) missing = "targets";
  out.left = records::ends_of(list_at(value, {"left"}), missing);
  out.admission_doubt = text_at(value, {"admissionDoubt"});
  if (const json* smoke = find_at(value, {"smoke"})) read_smoke(*smoke, out);
  out.gates = records::gates_of(list_at(value, {"gates"}), missing);
  out.approvals = records::approvals_of(list_at(value, {"approvals"}), missing);
  if (const json* review = find_at(value, {"review"}))
    out.review = records::review_of(*review, missing);
  SK_CHECK_OK(records::complete(record, missing));
  return out;
}

}  // namespace stagekeeper::promotion
