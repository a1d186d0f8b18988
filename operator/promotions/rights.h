#pragma once

#include "kube/api.h"
#include "model/meta.h"

#include <string>

namespace stagekeeper {

/// One right of RBAC on a stage of a model.
struct StageRight {
  std::string ns;
  std::string model;
  std::string stage;
  std::string verb;
};

/// Asks the API server whether somebody has a right on `modelstages`, under either of the two names
/// that rules may use: `<stage>` (of every model) and `<model>.<stage>`, in lower case.
/// Errors: those of Api::call.
Result<bool> may(kube::Api& api, const Identity& who, const StageRight& right);

}  // namespace stagekeeper
