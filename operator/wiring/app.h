#pragma once

#include "operator/wiring/config.h"

#include <string>

namespace stagekeeper {

/// What the command line says.
struct AppOptions {
  std::string kubeconfig = {};  ///< empty: the pod's service account
  std::uint16_t port = 8080;
  std::string version = {};
};

/// Runs the operator until a signal: connects, probes the bucket, lists, leads, works. Returns the
/// exit code: 0 after a graceful stop, other after losing the lease or a start that cannot succeed.
int run_operator(const Config& config, const AppOptions& options);

}  // namespace stagekeeper
