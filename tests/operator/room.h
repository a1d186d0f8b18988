#pragma once

#include "model/decode.h"
#include "operator/controllers/ledgers.h"
#include "operator/wiring/caches.h"
#include "operator/wiring/resources.h"
#include "tests/audit/fixture.h"
#include "tests/fakes/fake_api.h"

#include <nlohmann/json.hpp>

#include <string>

namespace stagekeeper::operator_test {

inline constexpr const char* kNs = "credit";
inline constexpr const char* kRequest = "v2-production";
inline constexpr const char* kUid = "uid-to-2";

/// Namespace "credit" with model credit-risk, whose policy serves Production through target
/// credit-risk-eu; a second target credit-risk-us, and a request for version 2. API server and
/// bucket in memory.
struct Room {
  audit_test::Bench bench;
  fakes::FakeApi api;
  Stores stores;
  Ledgers ledgers{bench.ledger, api};
  StoreTrust trust;

  Room() {
    ledgers.set_cluster_uid(audit_test::kTarget.cluster);
    trust.set({.trusted = true, .reason = "Trusted", .message = ""});
    nlohmann::json policy = R"({"model":"credit-risk","riskTier":"Standard",
      "evaluation":{"dataset":{"uri":"s3://m/e.csv","version":"2026-11","digest":""},
                    "labelColumn":"label","positiveLabel":"1","servingTarget":"credit-risk-eu"},
      "stages":[{"name":"Production","from":["Staging"],
        "gates":[{"name":"accuracy","type":"Accuracy","accuracy":{"minAbsolute":"0.9"}}],
        "review":{"approvers":[{"role":"model-risk","groups":["mrm"]}]},
        "targets":["credit-risk-eu"]}]})"_json;
    policy["evaluation"]["dataset"]["digest"] = audit_test::digest_of("evaluation");
    add(resources::kPolicies, "credit-risk", policy);
    for (const std::string name : {"credit-risk-eu", "credit-risk-us"}) {
      const auto target = add(resources::kTargets, name,
                              {{"model", "credit-risk"},
                               {"segment", name},
                               {"deployment", {{"name", name}, {"container", "server"}}},
                               {"pin", {{"env", {{{"name", "V"}, {"value", "${version}"}}}}}},
                               {"inference", {{"service", name}, {"port", 8080}}}});
      stores.targets.put({kNs, name}, "1", decode<ServingTarget>(target.dump()).value());
    }
    add(resources::kRequests, kRequest,
        R"({"model":"credit-risk","version":"2","stage":"Production","reason":"better",
            "requester":{"username":"priya","uid":"u1","groups":["ds"]}})"_json,
        kUid);
  }

  nlohmann::json add(const kube::ResourceType& type, const std::string& name, nlohmann::json spec,
                     const std::string& uid = "") {
    return api.put(type, {{"metadata",
                           {{"name", name},
                            {"namespace", kNs},
                            {"uid", uid.empty() ? "uid-" + name : uid},
                            {"generation", 1},
                            {"creationTimestamp", "2026-03-03T09:00:00Z"}}},
                          {"spec", std::move(spec)}});
  }

  /// A record in the ledger of a target, as another operator would have written it.
  audit::RecordRef record(const std::string& target, const audit::Draft& draft) {
    fakes::MemoryStatus status;
    fakes::MemoryPending pending(status);
    audit::LedgerId id = audit_test::kTarget;
    id.name = target;
    return bench.ledger.append({.id = id, .uid = "uid-" + target}, draft, pending).value();
  }
};

}  // namespace stagekeeper::operator_test
