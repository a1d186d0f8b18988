#pragma once

#include "kube/api.h"
#include "kube/caller.h"
#include "operator/cli/audit_source.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

// `create`: what kubectl create does, for objects that say who made them. Kubernetes 1.36 and later
// fills that in by itself; before it somebody has to.
namespace stagekeeper::cli {

struct CreateFlags {
  std::string file;  ///< "-": standard input
  std::string kubeconfig;
  std::string context;
  std::string ns;  ///< for objects that name none; by default that of the context
  bool dry_run = false;
};

/// Writes into spec.requester, spec.approver or spec.registeredBy what is missing there: user name,
/// uid, and at most 512 different groups, as the admission policy does. What stands there stays,
/// for the API server to judge.
/// Errors: Invalid for another kind than PromotionRequest, Approval and ModelVersion.
Status fill_in(nlohmann::json& object, const kube::Caller& caller);

/// Creates every object of a manifest, in order, up to the first that fails. `ns` is for those that
/// name none; `named` says that the caller chose it, so that another one in an object is an error.
Output create(kube::Api& api, std::string_view manifest, const std::string& ns, bool named,
              bool dry_run);

/// Reads the file, finds the cluster, and creates.
Output run_create(const CreateFlags& flags);

}  // namespace stagekeeper::cli
