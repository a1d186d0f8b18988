#pragma once

#include "base/result.h"
#include "http/reloading_client.h"

#include <functional>
#include <string>
#include <string_view>

namespace stagekeeper::kube {

/// How to reach one API server and as whom. Holds secrets: never printed.
struct ClusterAccess {
  std::string origin = {};  ///< "https://10.96.0.1:443"
  std::string path_prefix =
      {};                   ///< path of the server's URL without a trailing slash, mostly empty
  std::string ca_pem = {};  ///< empty: the system's authorities
  std::string client_cert_pem = {};
  std::string client_key_pem = {};
  http::ClientFiles files = {};  ///< whence the PEM texts came; followed when they are replaced
  std::string token = {};
  std::string token_file = {};   ///< wins over `token`
  std::string server_name = {};  ///< expected in the server's certificate; empty: the host
  std::string ns = {};           ///< the context's namespace; empty when it names none
};

/// Reads a whole file; injected so that parsing can be tested without files.
using FileReader = std::function<Result<std::string>(const std::string& path)>;

/// Reads a kubeconfig of at most 1 MiB. `context` empty: its current-context. Relative paths in it
/// count from `directory`.
///
/// Errors: Invalid for what cannot be read, for a missing context, cluster or user, and, by name,
/// for what is not supported: exec plugins, auth-provider, username and password, proxy-url,
/// insecure-skip-tls-verify, impersonation, http except to this machine. Errors of `read`.
Result<ClusterAccess> parse_kubeconfig(std::string_view text, const std::string& context,
                                       const std::string& directory, const FileReader& read);

}  // namespace stagekeeper::kube
