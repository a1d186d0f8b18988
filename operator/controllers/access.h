#pragma once

#include "kube/api.h"
#include "model/meta.h"

#include <optional>
#include <string>

namespace stagekeeper {

/// Asks the API server whether somebody may use `verb` on stage `stage` of a model, under either of
/// the two names that RBAC rules may use: `<stage>` and `<model>.<stage>`, in lower case.
/// Errors: those of Api::call.
struct StageQuestion {
  std::string ns;
  std::string model;
  std::string stage;
  std::string verb;
};

Result<bool> may(kube::Api& api, const Identity& who, const StageQuestion& question);

}  // namespace stagekeeper
