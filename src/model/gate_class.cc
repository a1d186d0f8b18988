#include "base/text.h"
#include "model/tables.h"

namespace stagekeeper::detail {
namespace {

bool is_pinned_image(std::string_view text) {
  return text.find("@sha256:") != std::string_view::npos;
}

constexpr TextRule kImage{.holds = is_pinned_image, .says = "has no digest"};

/// A list of what a container asks for, in the CRD as single members.
void amounts(Fields& v, std::map<std::string, std::string>& amounts) {
  for (const char* const resource : {"cpu", "memory"}) {
    std::string amount = amounts.contains(resource) ? amounts[resource] : "";
    v.optional(resource, amount);
    if (!amount.empty()) amounts[resource] = amount;
  }
}

void credentials_fields(Fields& v, CredentialsRef& it) {
  v.required("name", it.secret);
  v.optional("accessKeyKey", it.access_key_key, "accessKey");
  v.optional("secretKeyKey", it.secret_key_key, "secretKey");
  v.optional("sessionTokenKey", it.session_token_key);
}

struct CaRef {
  std::string name;
  std::string key;
};

void ca_fields(Fields& v, GateClass& it) {
  std::optional<CaRef> ca;
  if (!it.ca_config_map.empty()) ca = CaRef{.name = it.ca_config_map, .key = it.ca_key};
  v.object("caConfigMapRef", ca, [](Fields& c, CaRef& ref) {
    c.required("name", ref.name);
    c.optional("key", ref.key, "ca.crt");
  });
  it.ca_config_map = ca ? ca->name : "";
  it.ca_key = ca ? ca->key : "";
}

void fetch_fields(Fields& v, GateClass& it) {
  v.required("image", it.fetch_image, kImage);
  v.required("endpoint", it.fetch_endpoint);
  v.required("region", it.fetch_region);
  std::optional<CredentialsRef> credentials;
  if (!it.credentials.secret.empty()) credentials = it.credentials;
  v.object("credentialsSecretRef", credentials, credentials_fields);
  it.credentials = credentials.value_or(CredentialsRef{});
  ca_fields(v, it);
}

void spec_fields(Fields& v, GateClass& it) {
  v.required("type", it.kind);
  v.required("image", it.image, kImage);
  v.texts("command", it.command);
  v.defaulted("resources", [&](Fields& r) {
    r.defaulted("requests", [&](Fields& a) { amounts(a, it.resources.requests); });
    r.defaulted("limits", [&](Fields& a) { amounts(a, it.resources.limits); });
  });
  v.duration("activeDeadline", it.active_deadline, "10m");
  v.number("maxAttempts", it.max_attempts, 3);
  v.object("fetch", [&](Fields& f) { fetch_fields(f, it); });
  v.optional("serviceAccountName", it.service_account, "stagekeeper-gate");
}

}  // namespace

void fields(Fields& v, GateClass& it) {
  v.object("spec", [&](Fields& s) { spec_fields(s, it); });
}

}  // namespace stagekeeper::detail
