#include "model/tables.h"

namespace stagekeeper::detail {
namespace {

void source_fields(Fields& v, VersionSource& it) {
  v.optional("registry", it.registry);
  v.optional("registeredModel", it.registered_model);
  v.optional("version", it.version);
  v.optional("runId", it.run_id);
  v.required("trainedBy", it.trained_by);
}

void input_fields(Fields& v, SignatureInput& it) {
  v.required("name", it.name);
  v.required("type", it.type);
  v.flag("required", it.required, true);
}

void claim_fields(Fields& v, std::pair<std::string, std::string>& it) {
  v.required("name", it.first);
  v.required("value", it.second);
}

void spec_fields(Fields& v, ModelVersion& it) {
  v.required("model", it.model);
  v.required("version", it.version, version_rule());
  v.object("artifact", [&](Fields& a) {
    a.optional("type", it.artifact_type, "File");
    a.required("uri", it.artifact_uri, uri_rule());
    a.required("digest", it.artifact_digest, digest_rule());
    if (it.artifact_type != "File" && it.artifact_type != "Manifest")
      a.problem("type", "is not supported by this version");
    // Pins know the URI alone: whoever is pinned tells the type by its end.
    if ((it.artifact_type == "Manifest") != it.artifact_uri.ends_with('/'))
      a.problem("uri", "ends with / exactly when the type is Manifest");
  });
  v.object("source", [&](Fields& s) { source_fields(s, it.source); });
  v.object("training", [&](Fields& t) {
    t.object("dataset", [&](Fields& d) {
      d.required("version", it.training_dataset_version);
      d.required("digest", it.training_dataset_digest, digest_rule());
    });
    t.required("featurePipelineVersion", it.feature_pipeline_version);
  });
  v.object("signature", [&](Fields& s) { s.list("inputs", it.inputs, input_fields); });
  v.list("metrics", it.claims, claim_fields);
  identity_member(v, "registeredBy", it.registered_by);
}

}  // namespace

void fields(Fields& v, ModelVersion& it) {
  v.object("spec", [&](Fields& s) { spec_fields(s, it); });
  v.defaulted("status", [&](Fields& s) {
    s.optional("stage", it.status_stage);
    s.defaulted("record", [&](Fields& r) { r.optional("digest", it.status_record); });
  });
}

}  // namespace stagekeeper::detail
