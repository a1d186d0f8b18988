#include "promotion/records/json.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {

using nlohmann::json;

std::string intent_body(const DecidedFacts::Target& target, const TargetState& state,
                        bool way_back) {
  const json body = {
      {"target", {{"name", target.name}, {"uid", target.uid}, {"specDigest", target.spec_digest}}},
      {"deploymentUid", target.deployment_uid},
      {"templateDigest", target.template_digest},
      {"templateManagers", state.template_managers},
      {"wayBack", way_back},
      {"pins", records::pins_json(way_back ? target.from_pins : target.pins)},
      {"replaces", records::pins_json(way_back ? target.pins : target.from_pins)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string end_body(const std::optional<GateState>& smoke) {
  std::vector<GateState> gates;
  if (smoke && smoke->attempt > 0) gates.push_back(*smoke);
  return records::fitting([&](const records::Brevity& brevity) {
    return json{{"gates", records::gates_json(gates, brevity)}};
  });
}

}  // namespace stagekeeper::promotion
