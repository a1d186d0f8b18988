#include "operator/wiring/check.h"

#include "base/json_access.h"
#include "http/cpprest_client.h"
#include "kube/caller.h"
#include "kube/connect.h"
#include "kube/objects.h"
#include "model/objects.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <iostream>
#include <thread>

namespace stagekeeper {
namespace {

constexpr int kAttempts = 30;
constexpr std::chrono::seconds kBetween{2};

/// Whether the exposition has this sample with this value. A line is "name{labels} value".
bool has_sample(const std::string& metrics, const std::string& sample, const char* value) {
  return ("\n" + metrics).find("\n" + sample + " " + value + "\n") != std::string::npos;
}

/// Sends a request to create, of which everything is checked and nothing stored.
Status dry_run(kube::Api& api, const std::string& ns, const kube::Caller& caller,
               const std::string& username) {
  auto requester = nlohmann::json::object();
  requester["username"] = username;
  if (!caller.uid.empty() && username == caller.username) requester["uid"] = caller.uid;
  const nlohmann::json body{{"apiVersion", "stagekeeper.dev/v1alpha1"},
                            {"kind", "PromotionRequest"},
                            {"metadata", {{"name", "helm-test"}}},
                            {"spec",
                             {{"model", "helm-test"},
                              {"version", "1"},
                              {"stage", "HelmTest"},
                              {"reason", "whether admission works"},
                              {"requester", std::move(requester)}}}};
  kube::Request request = kube::create_request(kube::type_of<PromotionRequest>(), ns, body.dump());
  request.target += "&dryRun=All";
  SK_CHECK_OK(api.call(request));
  return {};
}

/// A connection for each call, because the pods of a Service are chosen by connection.
OperatorReader reader_of(const CheckOptions& options) {
  return [&options](const std::string& path) -> Result<http::Response> {
    SK_TRY(const auto client, http::make_client({.origin = options.operator_origin,
                                                 .timeout = std::chrono::seconds(5),
                                                 .user_agent = "stagekeeper/" + options.version}));
    return client->send({.method = "GET", .target = path});
  };
}

bool print(const Finding& finding) {
  std::cout << (finding.ok ? "ok      " : "FAILED  ") << finding.text << '\n' << std::flush;
  return finding.ok;
}

/// Tries again while it fails, for what only takes its time.
Finding patiently(const std::function<Finding()>& check) {
  Finding found = check();
  for (int i = 1; i < kAttempts && !found.ok; ++i) {
    std::this_thread::sleep_for(kBetween);
    found = check();
  }
  return found;
}

}  // namespace

Finding check_operator(const OperatorReader& read) {
  const auto ready = read("/readyz");
  if (!ready) return {false, "the operator does not answer: " + ready.error().message};
  if (ready->status != 200) return {false, "the operator is not ready:\n" + ready->body};
  const auto metrics = read("/metrics");
  if (!metrics || metrics->status != 200) return {false, "the operator's /metrics does not answer"};
  if (!has_sample(metrics->body, "leader_election_master_status{name=\"stagekeeper\"}", "1"))
    return {false, "the operator pod that answered does not lead; see Lease stagekeeper"};
  if (!has_sample(metrics->body, "stagekeeper_audit_store_trusted", "1"))
    return {false, "the operator does not trust the bucket of its records:\n" + ready->body};
  return {true, "the operator is ready, leads, and trusts the bucket of its records"};
}

Finding check_admission(kube::Api& api, const std::string& ns) {
  const auto caller = kube::who_am_i(api);
  if (!caller) return {false, "the API server does not answer: " + caller.error().message};
  if (const Status own = dry_run(api, ns, *caller, caller->username); !own)
    return {false, "a request in one's own name is refused: " + own.error().message};
  const Status forged = dry_run(api, ns, *caller, "somebody-else");
  if (forged) {
    return {false,
            "a request in another's name is accepted: the admission policies are not in force; "
            "see ValidatingAdmissionPolicy stagekeeper-requester and its binding"};
  }
  if (forged.error().code != ErrorCode::kDenied)
    return {false, "whether forgery is refused is not known: " + forged.error().message};
  return {true, "admission refuses requests in another's name"};
}

Finding check_gate_class(kube::Api& api, const std::string& name) {
  const auto found = kube::Objects<GateClass>(api).get_json({"", name});
  if (!found) return {false, "GateClass " + name + ": " + found.error().message};
  if (!*found) return {false, "GateClass " + name + " is not there; helm upgrade makes it again"};
  const auto object = nlohmann::json::parse(**found, nullptr, false);
  for (const auto& condition : list_at(object, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) != "Accepted") continue;
    if (text_at(condition, {"status"}) == "True") return {true, "GateClass " + name};
    return {false,
            fmt::format("GateClass {} is not accepted: {}", name, text_at(condition, {"message"}))};
  }
  return {false, "GateClass " + name + " was not looked at by the operator"};
}

int run_check(const CheckOptions& options) {
  http::initialize_pool();
  kube::ConnectOptions connect{.kubeconfig = options.kubeconfig,
                               .user_agent = "stagekeeper/" + options.version};
  const auto api = kube::connect(connect);
  if (!api) {
    print({false, "no way to the API server: " + api.error().message});
    return 1;
  }
  bool ok = true;
  const OperatorReader read = reader_of(options);
  if (!options.operator_origin.empty())
    ok &= print(patiently([&] { return check_operator(read); }));
  if (!options.forge_in.empty())
    ok &= print(patiently([&] { return check_admission(**api, options.forge_in); }));
  for (const std::string& name : options.gate_classes)
    ok &= print(patiently([&] { return check_gate_class(**api, name); }));
  return ok ? 0 : 1;
}

}  // namespace stagekeeper
