#pragma once

#include "base/result.h"
#include "kube/api.h"
#include "kube/kubeconfig.h"

#include <chrono>
#include <memory>
#include <string>

namespace stagekeeper::kube {

/// Where the API server is looked for. All empty: $KUBECONFIG, then the service account of the pod,
/// then ~/.kube/config.
struct ConnectOptions {
  std::string kubeconfig = {};  ///< path; wins over everything else
  std::string context = {};     ///< of the kubeconfig; empty: its current-context
  std::chrono::milliseconds call_timeout = std::chrono::seconds(30);   ///< idle
  std::chrono::milliseconds watch_timeout = std::chrono::seconds(90);  ///< idle; bookmarks: 60 s
  std::string user_agent = "stagekeeper";
};

/// Finds out how to reach the API server, without talking to it.
/// Errors: Invalid, NotFound with what is missing and what to set.
Result<ClusterAccess> find_cluster(const ConnectOptions& options);

/// The access of a pod's service account: token and authority below `directory`, host and port from
/// the environment's KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT (IPv4, IPv6 or a name).
/// Errors: Invalid; those of `read`.
Result<ClusterAccess> in_cluster_access(const std::string& host, const std::string& port,
                                        const std::string& directory, const FileReader& read);

/// Makes an Api for the access. Does not talk to the server. Follows the access's files and token
/// file when they are replaced. Errors: Invalid, and those of reading the files.
Result<std::unique_ptr<Api>> make_api(const ClusterAccess& access, const ConnectOptions& options);

/// find_cluster, then make_api.
Result<std::unique_ptr<Api>> connect(const ConnectOptions& options);

}  // namespace stagekeeper::kube
