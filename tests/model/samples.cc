#include "samples.h"

namespace samples {

const std::string kHex(64, 'a');

std::string spoil(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string object(const std::string& kind, const std::string& spec, const std::string& status) {
  return R"({"apiVersion":"stagekeeper.dev/v1alpha1","kind":")" + kind + R"(",
    "metadata":{"name":"it","namespace":"credit","uid":"uid-1","resourceVersion":"42",
      "generation":3,"creationTimestamp":"2026-03-02T09:00:00Z",
      "labels":{"team":"credit","stagekeeper.dev/target":"eu"},
      "annotations":{"a":"b","stagekeeper.dev/sequence":"7"},
      "finalizers":["stagekeeper.dev/promotion"],
      "managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{}}}]},
    "spec":)" +
         spec + R"(,"status":)" + status + "}";
}

const std::string kVersion = object("ModelVersion",
                                    R"({
  "model":"credit-risk","version":"47",
  "artifact":{"uri":"s3://models/credit-risk/47/model.json","digest":"sha256:)" +
                                        kHex + R"("},
  "source":{"registry":"mlflow","registeredModel":"Credit Risk","version":"v3","runId":"8f3c",
            "trainedBy":"priya"},
  "training":{"dataset":{"version":"2026-10","digest":"sha256:)" +
                                        kHex + R"("},
              "featurePipelineVersion":"2.3.1"},
  "signature":{"inputs":[{"name":"balance","type":"double"},
                         {"name":"student","type":"boolean","required":false}]},
  "metrics":[{"name":"auc_roc","value":"0.8731"}],
  "registeredBy":{"username":"priya","uid":"u1","groups":["ds"]}})",
                                    R"({"stage":"Staging","record":{"digest":"sha256:00"}})");

const std::string kPolicy =
    object("PromotionPolicy",
           R"({
  "model":"credit-risk","riskTier":"High",
  "evaluation":{"dataset":{"uri":"s3://m/e.csv","version":"2026-11","digest":"sha256:)" +
               kHex +
               R"("},"task":"BinaryClassification",
    "binaryClassification":{"labelColumn":"label","positiveLabel":"1","groupColumns":["g"],
      "scoring":{"positiveIndex":1}},
    "servingTargetName":"credit-risk-eu"},
  "stages":[
    {"name":"Staging","from":["None"],"gates":[
      {"name":"accuracy","type":"Accuracy","accuracy":{ "minAbsolute" : "0.9" }},
      {"name":"latency","type":"Latency","enforcement":"Advisory","latency":{"p95Budget":"20ms"}},
      {"name":"fair","type":"Fairness","gateClassName":"mine","fairness":{"maxDisparity":"0.05"}}]},
    {"name":"Production","from":["Staging"],"gatesFrom":"Staging",
     "review":{"approvers":[{"role":"model-risk","groups":["mrm"]},
                            {"role":"business","users":["alice"],"count":2}]},
     "targets":[{"name":"credit-risk-eu"},{"name":"credit-risk-us"}]}]})",
           R"({"ledger":{"head":{"sequence":"6","digest":"sha256:)" + kHex + R"("},
      "pending":{"sequence":"7","key":"k","retainUntil":"2026-03-02T09:00:00Z",
      "envelope":"{}"}}})");

const std::string kTarget = object("ServingTarget", R"({
  "model":"credit-risk","segment":"eu",
  "workload":{"kind":"Deployment","name":"credit-risk-eu"},
  "pin":{"env":[{"container":"server","name":"V","value":"${version}"},
                {"container":"fetch","name":"D","value":"x-${digest}"}]},
  "inference":{"service":{"name":"credit-risk-eu","port":80},"containerPort":8080,
    "versionProof":{"type":"Header","header":{"name":"X-Model-Version"}}},
  "template":{"managers":["nadia","system:serviceaccount:argocd:controller"]},
  "clone":{"serviceAccountName":"clone","labels":{"zone":"quarantine"},
    "nodeSelector":{"pool":"gates"},
    "resources":[{"container":"server","requests":{"cpu":"500m"},"limits":{"memory":"1Gi"}}]}})",
                                   R"({"ledger":{"targetUid":"uid-0"}})");

const std::string kRequest = object("PromotionRequest", R"({
  "model":"credit-risk","version":"47","stage":"Production","targets":["credit-risk-eu"],
  "reason":"retrained","requester":{"username":"priya","uid":"u1","groups":["ds","all"]}})",
                                    R"({"phase":"Evaluating"})");

const std::string kApproval = object("Approval",
                                     R"({
  "request":{"name":"r","uid":"uid-r"},"model":"credit-risk","stage":"Production",
  "decision":"Approve","decisionDigest":"sha256:)" +
                                         kHex + R"(",
  "approver":{"username":"mia","groups":["mrm"]},"comment":"fine"})",
                                     "{}");

const std::string kGateClass = object("GateClass",
                                      R"({
  "type":"Latency","image":"example.com/gate@sha256:)" +
                                          kHex + R"(",
  "resources":{"requests":{"cpu":"100m"},"limits":{"memory":"512Mi"}},
  "activeDeadline":"5m","maxAttempts":2,
  "fetch":{"image":"example.com/fetch@sha256:)" +
                                          kHex + R"(","endpoint":"https://s3:1",
           "region":"r","credentialsSecretRef":{"name":"s","accessKeyKey":"id"},
           "caConfigMapRef":{"name":"c"}}})",
                                      "{}");

const std::string kDeployment = R"({"metadata":{"name":"d","namespace":"credit","uid":"uid-d",
    "resourceVersion":"9","generation":4,"deletionTimestamp":"2026-03-02T09:00:00Z",
    "ownerReferences":[{"uid":"other"},{"uid":"uid-r","controller":true}]},
  "spec":{"replicas":3,"progressDeadlineSeconds":120,
    "selector":{"matchLabels":{"app":"x"}},
    "template":{"metadata":{"labels":{"app":"x"},
                            "annotations":{"kubectl.kubernetes.io/restartedAt":"now"}},
      "spec":{"volumes":[],"containers":[
        {"name":"server","image":"i","env":[{"name":"V","value":"1"},
          {"name":"W","valueFrom":{"fieldRef":{"fieldPath":"x"}}}]},
        {"name":"sidecar","env":[{"name":"V","value":"own"}]}],
       "initContainers":[{"name":"fetch","image":"f","env":[{"name":"D","value":"d1"}]}]}}},
  "status":{"observedGeneration":4,"replicas":3,"updatedReplicas":2,"availableReplicas":1,
    "conditions":[{"type":"Available","status":"True","reason":"X"},
      {"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"late",
       "lastUpdateTime":"2026-03-02T10:00:00Z"}]}})";

}  // namespace samples
