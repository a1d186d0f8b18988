#include "operator/controllers/access.h"

#include "base/canonical_json.h"
#include "base/text.h"
#include "kube/request.h"
#include "operator/wiring/resources.h"

#include <nlohmann/json.hpp>

namespace stagekeeper {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxReviewBytes = 1U << 20U;

Result<bool> ask(kube::Api& api, const Identity& who, const StageQuestion& question,
                 const std::string& name) {
  json spec = {{"user", who.username},
               {"groups", who.groups},
               {"resourceAttributes",
                {{"group", kApiGroup},
                 {"resource", "stages"},
                 {"namespace", question.ns},
                 {"name", name},
                 {"verb", question.verb}}}};
  if (!who.uid.empty()) spec["uid"] = who.uid;
  const json review = {
      {"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}, {"spec", spec}};
  Result<std::string> answer =
      api.call(kube::create_request(resources::kAccessReviews, "", review.dump()));
  if (!answer) return fail(answer.error(), "ask who may " + question.verb);
  Result<json> parsed = parse_strict_json(*answer, kMaxReviewBytes);
  if (!parsed || !parsed->is_object())
    return fail(ErrorCode::kUnavailable, "malformed SubjectAccessReview");
  return parsed->value("/status/allowed"_json_pointer, false);
}

}  // namespace

Result<bool> may(kube::Api& api, const Identity& who, const StageQuestion& question) {
  const std::string stage = lower_ascii(question.stage);
  Result<bool> any_model = ask(api, who, question, stage);
  if (!any_model || *any_model) return any_model;
  return ask(api, who, question, question.model + "." + stage);
}

}  // namespace stagekeeper
