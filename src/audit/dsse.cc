#include "audit/dsse.h"

#include "base/canonical_json.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::audit {
namespace {

using nlohmann::json;

std::string envelope_text(std::string_view payload, std::string_view key_id,
                          std::string_view signature) {
  const json envelope = {
      {"payloadType", kPayloadType},
      {"payload", base64_encode(payload)},
      {"signatures", json::array({{{"keyid", key_id}, {"sig", base64_encode(signature)}}})}};
  // Only ASCII texts: canonical_json cannot refuse them.
  return canonical_json(envelope).value_or(std::string());
}

tl::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("envelope: {}", what));
}

const std::string* text_member(const json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace

std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", payload_type.size(), payload_type, payload.size(),
                     payload);
}

std::string seal(std::string_view payload, const SigningKey& key) {
  return envelope_text(payload, key.key_id().str(),
                       key.sign(pre_authentication_encoding(kPayloadType, payload)));
}

Result<Opened> open_envelope(std::string_view envelope, const std::vector<TrustedKey>& keys) {
  const Result<json> parsed = parse_strict_json(envelope, kMaxEnvelopeBytes);
  if (!parsed) return corrupt(parsed.error().message);
  const std::string* type = text_member(*parsed, "payloadType");
  const std::string* payload_text = text_member(*parsed, "payload");
  if (type == nullptr || *type != kPayloadType) return corrupt("of another payload type");
  if (payload_text == nullptr) return corrupt("without a payload");
  const auto signatures = parsed->find("signatures");
  if (signatures == parsed->end() || !signatures->is_array() || signatures->size() != 1) {
    return corrupt("without exactly one signature");
  }
  const std::string* key_id = text_member(signatures->front(), "keyid");
  const std::string* signature_text = text_member(signatures->front(), "sig");
  if (key_id == nullptr || signature_text == nullptr) return corrupt("without a signature");
  Result<std::string> payload = base64_decode(*payload_text);
  const Result<std::string> signature = base64_decode(*signature_text);
  if (!payload || !signature) return corrupt("not base64");
  if (envelope_text(*payload, *key_id, *signature) != envelope) {
    return corrupt("not in canonical form");
  }
  const TrustedKey* trusted = find_key(keys, *key_id);
  if (trusted == nullptr) return corrupt("signed with a key that is not trusted");
  if (!trusted->key.verify(pre_authentication_encoding(kPayloadType, *payload), *signature)) {
    return corrupt("the signature does not hold");
  }
  return Opened{.payload = std::move(*payload), .key_id = trusted->key.key_id()};
}

}  // namespace stagekeeper::audit
