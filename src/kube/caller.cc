#include "kube/caller.h"

#include "base/json_access.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::kube {

Result<Caller> who_am_i(Api& api) {
  const ResourceType reviews{.group = "authentication.k8s.io",
                             .version = "v1",
                             .plural = "selfsubjectreviews",
                             .kind = "SelfSubjectReview",
                             .namespaced = false};
  const nlohmann::json review{{"apiVersion", "authentication.k8s.io/v1"},
                              {"kind", "SelfSubjectReview"}};
  SK_TRY(const std::string text, api.call(create_request(reviews, "", review.dump())));
  const auto answer = nlohmann::json::parse(text, nullptr, false);
  Caller out{.username = text_at(answer, {"status", "userInfo", "username"}),
             .uid = text_at(answer, {"status", "userInfo", "uid"}),
             .groups = {}};
  if (out.username.empty())
    return fail(ErrorCode::kCorrupt, "the API server does not say who is calling");
  for (const auto& group : list_at(answer, {"status", "userInfo", "groups"})) {
    if (group.is_string()) out.groups.push_back(group.get<std::string>());
  }
  return out;
}

}  // namespace stagekeeper::kube
