#include "base/text.h"
#include "promotion/review/review.h"

#include <fmt/format.h>

namespace stagekeeper::promotion {
std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20U || byte == 0x7FU) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string approval_manifest(const PromotionRequest& request, const std::string& decision_digest) {
  const std::string name = yaml_quoted(request.meta.name);
  return fmt::format(
      "apiVersion: {}\n"
      "kind: Approval\n"
      "metadata:\n"
      "  generateName: {}\n"
      "  namespace: {}\n"
      "spec:\n"
      "  request: {{name: {}, uid: {}}}\n"
      "  model: {}\n"
      "  stage: {}\n"
      "  decision: Approve\n"
      "  decisionDigest: {}\n",
      kGroupVersion, yaml_quoted(request.meta.name + "-"), yaml_quoted(request.meta.ns), name,
      yaml_quoted(request.meta.uid), yaml_quoted(request.model), yaml_quoted(request.stage),
      yaml_quoted(decision_digest));
}

}  // namespace stagekeeper::promotion
