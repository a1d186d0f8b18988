#pragma once

#include "http/client.h"
#include "kube/api.h"

#include <functional>
#include <string>
#include <vector>

// `stagekeeper check`, what `helm test` runs: whether an installation works, seen from outside.
namespace stagekeeper {

struct CheckOptions {
  std::string kubeconfig = {};                 ///< as AppOptions
  std::string operator_origin = {};            ///< "http://host:port" of /readyz and /metrics
  std::string forge_in = {};                   ///< namespace of the forged request; empty: none
  std::vector<std::string> gate_classes = {};  ///< names that must be there and accepted
  std::string version = {};
};

/// One thing that was looked at.
struct Finding {
  bool ok = false;
  std::string text;  ///< what is so; else what is wrong and what to do
};

/// Reads a path of an operator pod, of any of them when there are several.
using OperatorReader = std::function<Result<http::Response>(const std::string& path)>;

/// Whether the pod that answers is ready, leads, and trusts the bucket.
Finding check_operator(const OperatorReader& read);

/// Whether admission takes a request in the caller's own name and refuses the same one in
/// another's. Both are dry runs: nothing is stored. The caller must have the verb promote on
/// modelstages/helmtest.
Finding check_admission(kube::Api& api, const std::string& ns);

/// Whether the GateClass exists and the operator accepts it.
Finding check_gate_class(kube::Api& api, const std::string& name);

/// Does it all, for a minute where the operator is not ready yet; prints a line for each thing.
/// Returns the exit code: 0 when everything is as it should be, else 1.
int run_check(const CheckOptions& options);

}  // namespace stagekeeper
