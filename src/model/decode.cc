#include "model/decode.h"

#include "base/crypto.h"
#include "base/text.h"
#include "model/decode_with.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using detail::decode_with;
using detail::JsonReader;
using detail::Problems;

Decimal decimal(const JsonReader& value, std::string_view fallback, Problems& problems) {
  const Result<Decimal> parsed = Decimal::parse(value.str(fallback));
  problems.require(parsed.has_value(), "a decimal string is malformed");
  return parsed.value_or(Decimal());
}

std::chrono::milliseconds duration(const JsonReader& value, std::string_view fallback,
                                   Problems& problems) {
  const auto parsed = parse_duration(value.str(fallback));
  problems.require(parsed.has_value(), "a duration is malformed");
  return parsed.value_or(std::chrono::milliseconds(0));
}

Identity identity(const JsonReader& value) {
  return {.username = value["username"].str(),
          .uid = value["uid"].str(),
          .groups = value["groups"].strings()};
}

std::optional<PendingRecord> pending(const JsonReader& object) {
  const JsonReader value = object["status"]["ledger"]["pending"];
  if (!value.present()) return std::nullopt;
  return PendingRecord{.sequence = value["sequence"].str(),
                       .key = value["key"].str(),
                       .retain_until = value["retainUntil"].str(),
                       .envelope = value["envelope"].str()};
}

/// A concrete number, never an alias: ^[1-9][0-9]{0,14}$.
bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text.front() != '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Whether every `$` begins one of our variables. The kubelet would expand any $(…) itself.
bool is_pin_value(std::string_view text) {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const std::string_view rest = text.substr(at);
    const bool ours = rest.starts_with("${model}") || rest.starts_with("${version}") ||
                      rest.starts_with("${digest}") || rest.starts_with("${artifactUri}");
    if (!ours) return false;
  }
  return true;
}

std::optional<GateType> gate_type(std::string_view text) {
  for (const GateType type :
       {GateType::kAccuracy, GateType::kLatency, GateType::kFairness, GateType::kSmoke}) {
    if (name(type) == text) return type;
  }
  return std::nullopt;
}

std::string default_gate_class(GateType type) {
  return "stagekeeper-" + lower_ascii(name(type));
}

GateSpec gate(const JsonReader& value, Problems& problems) {
  GateSpec out;
  out.name = value["name"].str();
  problems.require(!out.name.empty(), "a gate has no name");
  const auto type = gate_type(value["type"].str());
  problems.require(type.has_value(), "a gate's type is not supported by this version");
  out.type = type.value_or(GateType::kAccuracy);
  out.blocking = value["enforcement"].str("Blocking") != "Advisory";
  out.gate_class = value["gateClassName"].str(default_gate_class(out.type));
  const JsonReader accuracy = value["accuracy"];
  out.min_absolute = decimal(accuracy["minAbsolute"], "0.82", problems);
  out.min_improvement = decimal(accuracy["minImprovement"], "0.005", problems);
  const JsonReader latency = value["latency"];
  out.p95_budget = duration(latency["p95Budget"], "50ms", problems);
  out.samples = latency["samples"].small(500);
  out.warmup = latency["warmup"].small(10);
  const JsonReader fairness = value["fairness"];
  out.max_disparity = decimal(fairness["maxDisparity"], "0.05", problems);
  out.min_positives = fairness["minPositivesPerGroup"].small(30);
  out.min_negatives = fairness["minNegativesPerGroup"].small(30);
  return out;
}

std::optional<ReviewSpec> review(const JsonReader& value, Problems& problems) {
  if (!value.present()) return std::nullopt;
  ReviewSpec out;
  for (const JsonReader& role : value["approvers"].items()) {
    out.approvers.push_back({.role = role["role"].str(),
                             .groups = role["groups"].strings(),
                             .count = role["count"].small(1)});
  }
  out.expires_after = duration(value["expiresAfter"], "72h", problems);
  return out;
}

void read_stages(const JsonReader& spec, PromotionPolicy& out, Problems& problems) {
  for (const JsonReader& value : spec["stages"].items()) {
    StageSpec stage;
    stage.name = value["name"].str();
    problems.require(!stage.name.empty(), "a stage has no name");
    stage.from = value["from"].strings();
    if (const std::string from = value["gatesFrom"].str(); !from.empty()) {
      const StageSpec* source = out.stage(from);
      problems.require(source != nullptr, "gatesFrom names no earlier stage");
      if (source != nullptr) stage.gates = source->gates;
    } else {
      for (const JsonReader& item : value["gates"].items())
        stage.gates.push_back(gate(item, problems));
    }
    stage.review = review(value["review"], problems);
    stage.targets = value["targets"].strings();
    out.stages.push_back(std::move(stage));
  }
}

}  // namespace

template <>
Result<ModelVersion> decode(std::string_view json) {
  return decode_with<ModelVersion>(
      json, "ModelVersion", [](const JsonReader& object, ModelVersion& out, Problems& problems) {
        const JsonReader spec = object["spec"];
        out.model = spec["model"].str();
        out.version = spec["version"].str();
        out.artifact_uri = spec["artifact"]["uri"].str();
        out.artifact_digest = spec["artifact"]["digest"].str();
        out.trained_by = spec["source"]["trainedBy"].str();
        out.training_dataset_digest = spec["training"]["dataset"]["digest"].str();
        out.feature_pipeline_version = spec["training"]["featurePipelineVersion"].str();
        for (const JsonReader& input : spec["signature"]["inputs"].items()) {
          out.inputs.push_back({.name = input["name"].str(),
                                .type = input["type"].str(),
                                .required = input["required"].boolean(true)});
        }
        for (const JsonReader& metric : spec["metrics"].items()) {
          out.claims.emplace_back(metric["name"].str(), metric["value"].str());
        }
        out.status_stage = object["status"]["stage"].str();
        out.status_record = object["status"]["record"]["digest"].str();
        problems.require(is_digest(out.artifact_digest), "spec.artifact.digest is malformed");
        problems.require(!out.model.empty(), "spec.model is missing");
        problems.require(is_version(out.version), "spec.version is no version number");
        problems.require(
            !out.artifact_uri.empty() && out.artifact_uri.find('$') == std::string::npos,
            "spec.artifact.uri is missing or contains $");
      });
}

template <>
Result<PromotionPolicy> decode(std::string_view json) {
  return decode_with<PromotionPolicy>(
      json, "PromotionPolicy",
      [](const JsonReader& object, PromotionPolicy& out, Problems& problems) {
        const JsonReader spec = object["spec"];
        const JsonReader eval = spec["evaluation"];
        out.model = spec["model"].str();
        const std::string risk = spec["riskTier"].str();
        out.high_risk = risk == "High";
        out.evaluation = Evaluation{
            .dataset_uri = eval["dataset"]["uri"].str(),
            .dataset_version = eval["dataset"]["version"].str(),
            .dataset_digest = eval["dataset"]["digest"].str(),
            .label_column = eval["labelColumn"].str(),
            .positive_label = eval["positiveLabel"].str(),
            .group_columns = eval["groupColumns"].strings(),
            .serving_target = eval["servingTarget"].str(),
            .positive_index = eval["scoring"]["positiveIndex"].present()
                                  ? std::optional(eval["scoring"]["positiveIndex"].small())
                                  : std::nullopt,
            .scoring_path = eval["scoring"]["path"].str(),
            .higher_means_positive = eval["scoring"]["higherMeans"].str("Positive") == "Positive",
        };
        problems.require(!out.model.empty(), "spec.model is missing");
        problems.require(risk == "High" || risk == "Standard", "spec.riskTier is not known");
        problems.require(is_digest(out.evaluation.dataset_digest),
                         "spec.evaluation.dataset.digest is malformed");
        read_stages(spec, out, problems);
        out.pending = pending(object);
      });
}

template <>
Result<ServingTarget> decode(std::string_view json) {
  return decode_with<ServingTarget>(
      json, "ServingTarget", [](const JsonReader& object, ServingTarget& out, Problems& problems) {
        const JsonReader spec = object["spec"];
        out.model = spec["model"].str();
        out.segment = spec["segment"].str();
        out.deployment = spec["deployment"]["name"].str();
        out.container = spec["deployment"]["container"].str();
        for (const JsonReader& env : spec["pin"]["env"].items()) {
          out.pin.push_back({.name = env["name"].str(), .value = env["value"].str()});
        }
        const JsonReader inference = spec["inference"];
        out.inference = Inference{
            .service = inference["service"].str(),
            .port = inference["port"].small(),
            .protocol = inference["protocol"].str("MLflow"),
            .scoring_path = inference["scoringPath"].str("/invocations"),
            .health_path = inference["healthPath"].str("/ping"),
            .version_header = inference["versionHeader"].str("X-Model-Version"),
        };
        out.pending = pending(object);
        out.ledger_uid = object["status"]["ledger"]["targetUid"].str();
        problems.require(!out.deployment.empty() && !out.container.empty() && !out.pin.empty(),
                         "spec.deployment or spec.pin is missing");
        for (const PinEnv& env : out.pin)
          problems.require(is_pin_value(env.value), "a value of spec.pin.env has a stray $");
      });
}

template <>
Result<PromotionRequest> decode(std::string_view json) {
  return decode_with<PromotionRequest>(
      json, "PromotionRequest",
      [](const JsonReader& object, PromotionRequest& out, Problems& problems) {
        const JsonReader spec = object["spec"];
        out.model = spec["model"].str();
        out.version = spec["version"].str();
        out.stage = spec["stage"].str();
        out.targets = spec["targets"].strings();
        out.reason = spec["reason"].str();
        out.requester = identity(spec["requester"]);
        out.phase = object["status"]["phase"].str();
        const std::string action = spec["action"].str("Promote");
        bool known = false;
        for (const RequestAction each : {RequestAction::kPromote, RequestAction::kRollback,
                                         RequestAction::kArchive, RequestAction::kAdopt}) {
          if (name(each) != action) continue;
          out.action = each;
          known = true;
        }
        problems.require(known, "spec.action is not supported by this version");
        problems.require(!out.model.empty() && !out.stage.empty(),
                         "spec.model or stage is missing");
        const bool optional = out.action == RequestAction::kRollback && out.version.empty();
        problems.require(optional || is_version(out.version), "spec.version is no version number");
      });
}

template <>
Result<Approval> decode(std::string_view json) {
  return decode_with<Approval>(
      json, "Approval", [](const JsonReader& object, Approval& out, Problems& problems) {
        const JsonReader spec = object["spec"];
        out.request_name = spec["request"]["name"].str();
        out.request_uid = spec["request"]["uid"].str();
        out.model = spec["model"].str();
        out.stage = spec["stage"].str();
        const std::string decision = spec["decision"].str();
        out.approve = decision == "Approve";
        problems.require(out.approve || decision == "Reject", "spec.decision is not known");
        out.decision_digest = spec["decisionDigest"].str();
        out.approver = identity(spec["approver"]);
        out.comment = spec["comment"].str();
        problems.require(!out.request_uid.empty(), "spec.request.uid is missing");
      });
}

template <>
Result<GateClass> decode(std::string_view json) {
  return decode_with<GateClass>(
      json, "GateClass", [](const JsonReader& object, GateClass& out, Problems& problems) {
        const JsonReader spec = object["spec"];
        const auto type = gate_type(spec["type"].str());
        problems.require(type.has_value(), "spec.type is not supported by this version");
        out.type = type.value_or(GateType::kAccuracy);
        out.image = spec["image"].str();
        out.command = spec["command"].strings();
        out.resources = {.requests = spec["resources"]["requests"].string_map(),
                         .limits = spec["resources"]["limits"].string_map()};
        out.active_deadline = duration(spec["activeDeadline"], "10m", problems);
        out.max_attempts = spec["maxAttempts"].small(3);
        const JsonReader fetch = spec["fetch"];
        out.fetch_image = fetch["image"].str();
        out.fetch_endpoint = fetch["endpoint"].str();
        out.fetch_region = fetch["region"].str();
        out.credentials_secret = fetch["credentialsSecret"].str();
        out.ca_config_map = fetch["caConfigMap"].str();
        out.service_account = spec["serviceAccountName"].str("stagekeeper-gate");
        problems.require(out.image.find("@sha256:") != std::string::npos,
                         "spec.image has no digest");
      });
}

template <>
Result<Stage> decode(std::string_view json) {
  return decode_with<Stage>(json, "Stage", [](const JsonReader&, Stage&, Problems&) {});
}

template <>
Result<AnyObject> decode(std::string_view json) {
  return decode_with<AnyObject>(json, "object", [](const JsonReader&, AnyObject&, Problems&) {});
}

}  // namespace stagekeeper
