#include "kube/connect.h"

#include "base/files.h"
#include "http/reloading_client.h"
#include "kube/client.h"
#include "kube/token_source.h"

#include <cstdlib>
#include <fmt/format.h>

namespace stagekeeper::kube {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20U;
/// A quarter of the memory that the chart gives the operator.
constexpr std::size_t kMaxLargeBytes = std::size_t{64} << 20U;
constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> read_bounded(const std::string& path) {
  return read_file(path, kMaxFileBytes);
}

Result<ClusterAccess> from_file(const std::string& path, const std::string& context) {
  if (path.find(':') != std::string::npos)
    return fail(ErrorCode::kInvalid, "kubeconfig: a list of files is not supported; give one path");
  Result<std::string> text = read_bounded(path);
  if (!text) return fail(std::move(text.error()), "kubeconfig");
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  return parse_kubeconfig(*text, context, directory, read_bounded);
}

}  // namespace

Result<ClusterAccess> in_cluster_access(const std::string& host, const std::string& port,
                                        const std::string& directory, const FileReader& read) {
  ClusterAccess out;
  const bool v6 = host.find(':') != std::string::npos;
  out.origin =
      v6 ? fmt::format("https://[{}]:{}", host, port) : fmt::format("https://{}:{}", host, port);
  Result<std::string> ca = read(directory + "/ca.crt");
  if (!ca) return fail(std::move(ca.error()), "service account");
  out.ca_pem = std::move(*ca);
  out.files.ca = directory + "/ca.crt";
  out.token_file = directory + "/token";
  // Only needed for defaults; a missing file is no reason to fail.
  out.ns = read(directory + "/namespace").value_or("");
  return out;
}

Result<ClusterAccess> find_cluster(const ConnectOptions& options) {
  if (!options.kubeconfig.empty()) return from_file(options.kubeconfig, options.context);
  if (const std::string path = environment("KUBECONFIG"); !path.empty())
    return from_file(path, options.context);
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  if (!host.empty()) {
    return in_cluster_access(host, environment("KUBERNETES_SERVICE_PORT"), kServiceAccount,
                             read_bounded);
  }
  if (const std::string home = environment("HOME"); !home.empty())
    return from_file(home + "/.kube/config", options.context);
  return fail(ErrorCode::kNotFound, "no cluster: set KUBECONFIG or run inside a cluster");
}

Result<std::unique_ptr<Api>> make_api(const ClusterAccess& access, const ConnectOptions& options) {
  http::ClientOptions transport{.origin = access.origin,
                                .ca_pem = access.ca_pem,
                                .client_cert_pem = access.client_cert_pem,
                                .client_key_pem = access.client_key_pem,
                                .server_name = access.server_name,
                                .timeout = options.call_timeout,
                                .user_agent = options.user_agent};
  ApiParts parts;
  parts.path_prefix = access.path_prefix;
  Result<std::unique_ptr<http::Client>> calls =
      http::make_reloading_client(transport, access.files);
  if (!calls) return tl::unexpected(calls.error());
  parts.calls = std::move(*calls);
  http::ClientOptions roomy = transport;
  roomy.max_body_bytes = kMaxLargeBytes;
  Result<std::unique_ptr<http::Client>> large = http::make_reloading_client(roomy, access.files);
  if (!large) return tl::unexpected(large.error());
  parts.large = std::move(*large);
  transport.timeout = options.watch_timeout;
  Result<std::unique_ptr<http::Client>> watches =
      http::make_reloading_client(transport, access.files);
  if (!watches) return tl::unexpected(watches.error());
  parts.watches = std::move(*watches);
  if (!access.token_file.empty()) {
    parts.tokens = std::make_unique<FileToken>(access.token_file);
  } else if (access.token.empty()) {
    parts.tokens = static_token("");
  } else {
    Result<std::string> token = clean_token(access.token);
    if (!token) return tl::unexpected(token.error());
    parts.tokens = static_token(std::move(*token));
  }
  return std::make_unique<ApiClient>(std::move(parts));
}

Result<std::unique_ptr<Api>> connect(const ConnectOptions& options) {
  Result<ClusterAccess> access = find_cluster(options);
  if (!access) return tl::unexpected(access.error());
  return make_api(*access, options);
}

}  // namespace stagekeeper::kube
