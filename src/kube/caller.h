#pragma once

#include "kube/api.h"

#include <string>
#include <vector>

namespace stagekeeper::kube {

/// Who the API server takes the caller for.
struct Caller {
  std::string username;
  std::string uid;  ///< empty for users that have none, such as those of a certificate
  std::vector<std::string> groups;
};

/// Asks the API server (SelfSubjectReview, which every authenticated user may create).
/// Errors: those of Api::call; Corrupt for an answer without a user name.
Result<Caller> who_am_i(Api& api);

}  // namespace stagekeeper::kube
