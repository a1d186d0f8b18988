#include "base/json_access.h"
#include "model/tables.h"

namespace stagekeeper::detail {
namespace {

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

void env_fields(Fields& v, PinEnv& it) {
  v.required("container", it.container);
  v.required("name", it.name);
  v.required("value", it.value, {.holds = is_pin_value, .says = "has a stray $"});
}

/// A path on a server, with no variables but ours; empty: the protocol's own.
bool is_path(std::string_view text) {
  if (text.empty()) return true;
  if (!text.starts_with('/') || text.starts_with("//")) return false;
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const std::string_view rest = text.substr(at);
    if (!rest.starts_with("${model}") && !rest.starts_with("${version}")) return false;
  }
  return true;
}

/// A union: the member that the type names. Its absence is type Pods.
void proof_fields(Fields& v, VersionProof& it) {
  v.optional("type", it.type, "Pods");
  v.defaulted("header", [&](Fields& h) { h.optional("name", it.header); });
  v.defaulted("body", [&](Fields& b) {
    b.optional("pointer", it.body_pointer, {},
               {.holds = is_json_pointer, .says = "is no JSON Pointer"});
  });
  const bool known =
      it.type == "Header" || it.type == "Body" || it.type == "Path" || it.type == "Pods";
  if (!known) return v.problem("type", "is not supported by this version");
  if (it.type == "Header" && it.header.empty()) v.problem("header.name", "is missing");
  if (it.type == "Body" && it.body_pointer.empty()) v.problem("body.pointer", "is missing");
}

void key_fields(Fields& v, SecretKeyRef& it, std::string_view key) {
  v.optional("name", it.name);
  v.optional("key", it.key, key);
}

/// What only one protocol has.
void protocol_fields(Fields& v, Inference& it) {
  v.optional("protocol", it.protocol, "MLflow");
  v.defaulted("openInference", [&](Fields& o) { o.optional("output", it.output); });
  v.defaulted("json", [&](Fields& j) {
    j.optional("template", it.json_template);
    j.optional("predictions", it.json_predictions, {},
               {.holds = is_json_pointer, .says = "is no JSON Pointer"});
  });
  if (it.protocol != "MLflow" && it.protocol != "OpenInference" && it.protocol != "Json")
    v.problem("protocol", "is not supported by this version");
  if (it.protocol == "Json" && it.json_template.empty()) v.problem("json.template", "is missing");
  // It goes into a variable of the gate's pod.
  if (it.json_template.find("$(") != std::string::npos)
    v.problem("json.template", "contains $(, which the kubelet would expand");
}

void tls_fields(Fields& v, Inference& it) {
  v.optional("scheme", it.scheme, "HTTP");
  v.defaulted("tls", [&](Fields& t) {
    t.optional("serverName", it.tls.server_name);
    t.defaulted("caConfigMapRef", [&](Fields& c) { key_fields(c, it.tls.ca, "ca.crt"); });
  });
  v.defaulted("bearerTokenSecretRef", [&](Fields& b) { key_fields(b, it.bearer_token, "token"); });
  if (it.scheme != "HTTP" && it.scheme != "HTTPS")
    v.problem("scheme", "is not supported by this version");
  if (it.scheme == "HTTP" && !it.bearer_token.name.empty())
    v.problem("bearerTokenSecretRef", "needs scheme HTTPS");
}

void inference_fields(Fields& v, Inference& it) {
  v.object("service", [&](Fields& s) {
    s.required("name", it.service);
    s.number("port", it.service_port, std::nullopt);
  });
  v.number("containerPort", it.container_port, std::nullopt);
  tls_fields(v, it);
  protocol_fields(v, it);
  const TextRule path{.holds = is_path, .says = "is no path such as /v2/models/${model}/infer"};
  v.optional("scoringPath", it.scoring_path, {}, path);
  v.optional("healthPath", it.health_path, {}, path);
  v.defaulted("versionProof", [&](Fields& p) { proof_fields(p, it.version_proof); });
}

void template_fields(Fields& v, TemplateRule& it) {
  v.choice("changes", "Record", it.guarded ? "Guard" : "Record", [&it](const std::string& text) {
    it.guarded = text == "Guard";
    return it.guarded || text == "Record";
  });
  v.texts("managers", it.managers);
  if (it.guarded && !it.managers.empty()) v.problem("managers", "is not allowed with Guard");
}

/// Our labels say whose a clone is.
void clone_fields(Fields& v, CloneSpec& it) {
  v.optional("serviceAccountName", it.service_account);
  v.named_texts("labels", it.labels);
  for (const auto& [key, value] : it.labels) {
    if (key.starts_with("stagekeeper.dev/"))
      v.problem("labels", "contains a label stagekeeper.dev/…, which only the operator sets");
  }
  v.named_texts("nodeSelector", it.node_selector);
  v.list("resources", it.resources, [](Fields& r, CloneResources& one) {
    r.required("container", one.container);
    r.named_texts("requests", one.requests);
    r.named_texts("limits", one.limits);
  });
}

void spec_fields(Fields& v, ServingTarget& it) {
  v.required("model", it.model);
  v.optional("segment", it.segment);
  v.choice("enforcement", "Enforce", it.observes ? "Observe" : "Enforce",
           [&it](const std::string& text) {
             it.observes = text == "Observe";
             return it.observes || text == "Enforce";
           });
  v.object("workload", [&](Fields& w) {
    w.required("kind", it.workload.kind);
    w.required("name", it.workload.name);
    if (it.workload.kind != "Deployment") w.problem("kind", "is not supported by this version");
  });
  v.object("pin", [&](Fields& p) {
    p.list("env", it.pin, env_fields);
    if (it.pin.empty()) p.problem("env", "is empty");
    p.refused("image");
    p.refused("args");
    p.refused("volumes");
  });
  v.object("inference", [&](Fields& i) { inference_fields(i, it.inference); });
  v.defaulted("template", [&](Fields& t) { template_fields(t, it.pod_template); });
  v.defaulted("clone", [&](Fields& c) { clone_fields(c, it.clone); });
  v.defaulted("traffic", [](Fields& t) { t.constant("provider", "None"); });
}

}  // namespace

void fields(Fields& v, ServingTarget& it) {
  v.object("spec", [&](Fields& s) { spec_fields(s, it); });
  v.defaulted("status", [&](Fields& s) {
    s.defaulted("ledger", [&](Fields& l) {
      l.optional("targetUid", it.ledger_uid);
      ledger_fields(l, it.ledger_head, it.pending);
    });
  });
}

}  // namespace stagekeeper::detail
