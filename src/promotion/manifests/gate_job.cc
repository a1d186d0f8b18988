#include "base/crypto.h"
#include "base/text.h"
#include "gates/gate_input.h"
#include "promotion/manifests.h"
#include "promotion/manifests/builders.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

/// More than the gate program fetches at most (a dataset of 256 MiB): it ends with a reason, where
/// the kubelet would evict the pod.
constexpr const char* kWorkVolume = "320Mi";
constexpr const char* kProgram = "/usr/bin/stagekeeper-gate";
constexpr const char* kInputVariable = "STAGEKEEPER_GATE_INPUT";
constexpr const char* kCaPath = "/etc/s3-ca";
constexpr const char* kInferenceCa = "inference-ca";
constexpr const char* kInferenceToken = "inference-token";

std::string or_default(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

/// Credentials by the keys that the GateClass names; none where the platform provides them.
void add_credentials(const CredentialsRef& from, std::vector<build::Env>& env) {
  if (from.secret.empty()) return;
  env.push_back({.name = "AWS_ACCESS_KEY_ID",
                 .secret = from.secret,
                 .key = or_default(from.access_key_key, "accessKey")});
  env.push_back({.name = "AWS_SECRET_ACCESS_KEY",
                 .secret = from.secret,
                 .key = or_default(from.secret_key_key, "secretKey")});
  if (!from.session_token_key.empty()) {
    env.push_back(
        {.name = "AWS_SESSION_TOKEN", .secret = from.secret, .key = from.session_token_key});
  }
}

build::Container fetch_container(const GateClass& gate_class, const std::string& input) {
  build::Container out{.name = "fetch",
                       .image = gate_class.fetch_image,
                       .command = {kProgram, "fetch"},
                       .env = {{.name = kInputVariable, .value = input},
                               {.name = "S3_ENDPOINT", .value = gate_class.fetch_endpoint},
                               {.name = "S3_REGION", .value = gate_class.fetch_region}},
                       .mounts = {{.volume = "work", .path = "/work", .read_only = false}},
                       .resources = gate_class.resources};
  add_credentials(gate_class.credentials, out.env);
  if (!gate_class.ca_config_map.empty()) {
    const std::string file = or_default(gate_class.ca_key, "ca.crt");
    out.env.push_back({.name = "S3_CA_FILE", .value = fmt::format("{}/{}", kCaPath, file)});
    out.mounts.push_back({.volume = "s3-ca", .path = kCaPath});
  }
  return out;
}

build::Container gate_container(const GateJobSpec& spec, const std::string& input) {
  std::vector<std::string> command = spec.gate_class->command;
  if (command.empty()) command = {kProgram, lower_ascii(spec.action.gate.kind)};
  build::Container out{.name = "gate",
                       .image = spec.gate_class->image,
                       .command = std::move(command),
                       .env = {{.name = kInputVariable, .value = input}},
                       .mounts = {{.volume = "work", .path = "/work"}},
                       .resources = spec.gate_class->resources};
  // As files: variables of a container are read by whoever may read its pod.
  const auto give = [&](const char* variable, const char* volume, const SecretKeyRef& from) {
    if (from.name.empty()) return;
    const std::string path = fmt::format("/etc/{}", volume);
    out.env.push_back({.name = variable, .value = fmt::format("{}/{}", path, from.key)});
    out.mounts.push_back({.volume = volume, .path = path});
  };
  give("INFERENCE_CA_FILE", kInferenceCa, spec.action.access.ca);
  give("INFERENCE_TOKEN_FILE", kInferenceToken, spec.action.access.token);
  return out;
}

build::Pod gate_pod(const GateJobSpec& spec, const std::string& input) {
  build::Pod out{.service_account = spec.gate_class->service_account,
                 .init = {fetch_container(*spec.gate_class, input)},
                 .containers = {gate_container(spec, input)},
                 .volumes = {{.name = "work", .size = kWorkVolume}}};
  if (!spec.gate_class->ca_config_map.empty())
    out.volumes.push_back({.name = "s3-ca", .config_map = spec.gate_class->ca_config_map});
  const InferenceAccess& access = spec.action.access;
  if (!access.ca.name.empty())
    out.volumes.push_back({.name = kInferenceCa, .config_map = access.ca.name});
  if (!access.token.name.empty()) {
    out.volumes.push_back(
        {.name = kInferenceToken, .secret = access.token.name, .key = access.token.key});
  }
  return out;
}

}  // namespace

std::string job_name(const std::string& request_uid, const std::string& gate, int attempt) {
  return "g-" + sha256_hex(fmt::format("{}/{}/{}", request_uid, gate, attempt)).substr(0, 40);
}

Result<std::string> gate_job(const GateJobSpec& spec) {
  const CreateGateJob& action = spec.action;
  const ObjectMeta& request = spec.request->meta;
  gates::GateInput input = action.input;
  input.nonce = spec.nonce;
  Result<std::string> text = gates::gate_input_text(input);
  if (!text) return fail(text.error(), "describe gate " + action.gate.name);
  const auto deadline =
      std::chrono::duration_cast<std::chrono::seconds>(spec.gate_class->active_deadline);
  const build::Job job{
      .meta = {.ns = spec.ns,
               .name = job_name(request.uid, action.gate.name, action.attempt),
               .labels = {{kRequestUidLabel, request.uid},
                          {kGateTypeLabel, action.gate.kind},
                          {kAttemptLabel, std::to_string(action.attempt)}},
               .annotations = {{kGateAnnotation, action.gate.name},
                               {kNonceAnnotation, spec.nonce},
                               {kInputDigestAnnotation, action.input_digest},
                               {kPodsAnnotation, nlohmann::json(action.pods).dump()},
                               {kRequestAnnotation, request.ns + "/" + request.name}}},
      .deadline_seconds = deadline.count(),
      .pod = gate_pod(spec, *text)};
  return build::job(job).dump();
}

}  // namespace stagekeeper::promotion
