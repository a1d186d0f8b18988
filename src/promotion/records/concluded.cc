#include "base/json_access.h"
#include "promotion/records/json.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {

using nlohmann::json;

std::string concluded_body(const ProvenanceFacts& provenance, const Conclusion& end,
                           const std::vector<ApprovalState>& approvals) {
  return records::fitting([&](const records::Brevity& brevity) {
    json body = records::provenance_json(provenance, brevity);
    body["gates"] = records::gates_json(end.gates, brevity);
    body["approvals"] =
        records::approvals_json(provenance.subject, end.approvals, approvals, brevity);
    body["targets"] = records::ends_json(end.targets, brevity);
    if (end.review) body["review"] = records::review_json(*end.review);
    return body;
  });
}

Result<Conclusion> conclusion_of(const RecordFact& record, std::string_view body) {
  SK_TRY(const json value, records::parsed(record, body));
  records::Missing missing;
  Conclusion out{.record = record,
                 .gates = records::gates_of(list_at(value, {"gates"}), missing),
                 .approvals = records::approvals_of(list_at(value, {"approvals"}), missing),
                 .targets = records::ends_of(list_at(value, {"targets"}), missing)};
  if (const json* review = find_at(value, {"review"}))
    out.review = records::review_of(*review, missing);
  SK_CHECK_OK(records::complete(record, missing));
  return out;
}

}  // namespace stagekeeper::promotion
