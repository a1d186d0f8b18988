#include "promotion/contents.h"

namespace stagekeeper::promotion {

RecordContent content_of(const Subject& subject, RecordKind kind) {
  const PromotionRequest& request = subject.request;
  return {.kind = kind,
          .model = request.model,
          .request = subject.ref(),
          .requester = {.username = request.requester.username, .uid = request.requester.uid},
          .action = std::string(name(request.action))};
}

std::string version_text(const VersionRef& version) {
  return version.version.empty() ? "no version" : "version " + version.version;
}

}  // namespace stagekeeper::promotion
