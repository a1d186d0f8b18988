#include "inference/protocol.h"

#include "base/json_access.h"
#include "base/text.h"
#include "inference/answer.h"
#include "inference/proof.h"
#include "inference/protocols/json.h"
#include "inference/protocols/mlflow.h"
#include "inference/protocols/open_inference.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace stagekeeper::inference {
namespace {

constexpr const Protocol* kProtocols[] = {&kMlflow, &kOpenInference, &kJson};
constexpr std::size_t kMaxShown = 64;
constexpr std::string_view kVersion = "${version}";

Status bad(std::string what) {
  return fail(ErrorCode::kInvalid, "inference." + what);
}

Status check_paths(const gates::Inference& inference) {
  const AskedPaths asked = asked_paths(inference, "m", kVersion);
  if (!asked.scoring.starts_with('/') || !asked.health.starts_with('/')) {
    return bad(
        fmt::format("scoringPath and healthPath: protocol {} has none of its own for this "
                    "proof; write both, each beginning with /",
                    inference.protocol));
  }
  return {};
}

Status check_proof(const gates::Inference& inference) {
  const gates::VersionProof& proof = inference.proof;
  const std::optional<Proof> type = proof_of(proof.type);
  if (!type)
    return bad("versionProof.type is none that this version knows: " +
               printable(proof.type, kMaxShown));
  if (*type == Proof::kHeader && proof.header.empty()) return bad("versionProof.header is missing");
  if (*type == Proof::kBody && (proof.pointer.empty() || !is_json_pointer(proof.pointer)))
    return bad("versionProof.body.pointer is no JSON Pointer such as /model_version");
  if (*type != Proof::kPath) return {};
  // Rendered twice: what does not change does not depend on the version.
  const AskedPaths one = asked_paths(inference, "m", "1");
  const AskedPaths two = asked_paths(inference, "m", "2");
  if (one.scoring == two.scoring || one.health == two.health)
    return bad("versionProof Path needs ${version} in both scoringPath and healthPath");
  return {};
}

}  // namespace

const Protocol* find_protocol(std::string_view name) {
  const auto* found =
      std::ranges::find(kProtocols, name, [](const Protocol* p) { return p->name; });
  return found == std::end(kProtocols) ? nullptr : *found;
}

std::span<const Protocol* const> protocols() {
  return kProtocols;
}

Status check(const gates::Inference& inference) {
  const Protocol* protocol = find_protocol(inference.protocol);
  if (protocol == nullptr) {
    return bad("protocol is none that this version speaks: " +
               printable(inference.protocol, kMaxShown));
  }
  SK_CHECK_OK(protocol->check(inference));
  SK_CHECK_OK(check_paths(inference));
  return check_proof(inference);
}

}  // namespace stagekeeper::inference
