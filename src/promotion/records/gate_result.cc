#include "base/json_access.h"
#include "promotion/records/json.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {

using nlohmann::json;

std::string gate_result_body(const ProvenanceFacts& facts, const std::vector<GateState>& gates) {
  return records::fitting([&](const records::Brevity& brevity) {
    json body = records::provenance_json(facts, brevity);
    body["gates"] = records::gates_json(gates, brevity);
    return body;
  });
}

Result<GateResults> gate_results_of(const RecordFact& record, std::string_view body) {
  SK_TRY(const json value, records::parsed(record, body));
  records::Missing missing = value.contains("gates") ? "" : "gates";
  GateResults out{.record = record, .gates = records::gates_of(list_at(value, {"gates"}), missing)};
  SK_CHECK_OK(records::complete(record, missing));
  return out;
}

}  // namespace stagekeeper::promotion
