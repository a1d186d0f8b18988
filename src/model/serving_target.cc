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

/// A union: the member that the type names.
void proof_fields(Fields& v, VersionProof& it) {
  v.required("type", it.type);
  v.defaulted("header", [&](Fields& h) { h.optional("name", it.header); });
  if (it.type != "Header") return v.problem("type", "is not supported by this version");
  if (it.header.empty()) v.problem("header.name", "is missing");
}

void inference_fields(Fields& v, Inference& it) {
  v.object("service", [&](Fields& s) {
    s.required("name", it.service);
    s.number("port", it.service_port, std::nullopt);
  });
  v.number("containerPort", it.container_port, std::nullopt);
  v.optional("scheme", it.scheme, "HTTP");
  v.optional("protocol", it.protocol, "MLflow");
  v.optional("scoringPath", it.scoring_path, "/invocations");
  v.optional("healthPath", it.health_path, "/ping");
  v.object("versionProof", [&](Fields& p) { proof_fields(p, it.version_proof); });
  if (it.scheme != "HTTP") v.problem("scheme", "is not supported by this version");
  if (it.protocol != "MLflow") v.problem("protocol", "is not supported by this version");
}

void template_fields(Fields& v, TemplateRule& it) {
  v.choice("changes", "Record", it.guarded ? "Guard" : "Record", [&it](const std::string& text) {
    it.guarded = text == "Guard";
    return it.guarded || text == "Record";
  });
  v.texts("managers", it.managers);
  if (it.guarded && !it.managers.empty()) v.problem("managers", "is not allowed with Guard");
}

void spec_fields(Fields& v, ServingTarget& it) {
  v.required("model", it.model);
  v.optional("segment", it.segment);
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
