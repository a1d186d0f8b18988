#include "base/text.h"
#include "promotion/review/review.h"

#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

std::string head(const PromotionRequest& request) {
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
      "  stage: {}\n",
      kGroupVersion, yaml_quoted(request.meta.name + "-"), yaml_quoted(request.meta.ns), name,
      yaml_quoted(request.meta.uid), yaml_quoted(request.model), yaml_quoted(request.stage));
}

}  // namespace

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
  return head(request) + fmt::format(
                             "  decision: Approve\n"
                             "  decisionDigest: {}\n",
                             yaml_quoted(decision_digest));
}

std::string reject_manifest(const PromotionRequest& request) {
  return head(request) +
         "  decision: Reject\n"
         "  comment: \"\"  # required: say why\n";
}

}  // namespace stagekeeper::promotion
