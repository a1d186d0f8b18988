#include "operator/promotions/rights.h"

#include "base/canonical_json.h"
#include "base/text.h"
#include "kube/objects.h"

#include <nlohmann/json.hpp>

namespace stagekeeper {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxReviewBytes = 1U << 20U;

Result<bool> ask(kube::Api& api, const Identity& who, const StageRight& right,
                 const std::string& name) {
  json spec = {{"user", who.username},
               {"groups", who.groups},
               {"resourceAttributes",
                {{"group", kApiGroup},
                 {"resource", Resource<ModelStage>::plural},
                 {"namespace", right.ns},
                 {"name", name},
                 {"verb", right.verb}}}};
  if (!who.uid.empty()) spec["uid"] = who.uid;
  const json review = {
      {"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}, {"spec", spec}};
  const auto answer = kube::Objects<SubjectAccessReview>(api).create("", review.dump());
  if (!answer) return fail(answer.error(), "ask who may " + right.verb);
  const Result<json> parsed = parse_strict_json(*answer, kMaxReviewBytes);
  if (!parsed || !parsed->is_object())
    return fail(ErrorCode::kUnavailable, "malformed SubjectAccessReview");
  return parsed->value("/status/allowed"_json_pointer, false);
}

}  // namespace

Result<bool> may(kube::Api& api, const Identity& who, const StageRight& right) {
  const std::string stage = lower_ascii(right.stage);
  Result<bool> any_model = ask(api, who, right, stage);
  if (!any_model || *any_model) return any_model;
  return ask(api, who, right, right.model + "." + stage);
}

}  // namespace stagekeeper
