#include "model/tables.h"

#include <algorithm>

namespace stagekeeper::detail {
namespace {

void spec_fields(Fields& v, Approval& it) {
  v.object("request", [&](Fields& r) {
    r.required("name", it.request_name);
    r.required("uid", it.request_uid);
  });
  v.required("model", it.model);
  v.required("stage", it.stage);
  v.choice("decision", "", it.approve ? "Approve" : "Reject", [&](const std::string& decision) {
    it.approve = decision == "Approve";
    return it.approve || decision == "Reject";
  });
  v.optional("decisionDigest", it.decision_digest);
  identity_member(v, "approver", it.approver);
  v.optional("comment", it.comment);
  v.refused("answers");
  v.refused("acknowledgements");
  if (it.approve && !digest_rule().holds(it.decision_digest))
    v.problem("decisionDigest", digest_rule().says);
}

}  // namespace

void fields(Fields& v, Approval& it) {
  v.object("spec", [&](Fields& s) { spec_fields(s, it); });
  v.defaulted("status", [&](Fields& s) {
    std::vector<std::string> types;
    if (it.counted_known) types.emplace_back("Counted");
    s.list("conditions", types, [](Fields& c, std::string& type) { c.required("type", type); });
    it.counted_known = std::find(types.begin(), types.end(), "Counted") != types.end();
  });
}

}  // namespace stagekeeper::detail
