#include "kube/kubeconfig.h"

#include "base/crypto.h"
#include "http/origin.h"

#include <yaml-cpp/yaml.h>

#include <fmt/format.h>

namespace stagekeeper::kube {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20U;

tl::unexpected<Error> invalid(std::string text) {
  return fail(ErrorCode::kInvalid, "kubeconfig: " + std::move(text));
}

/// The text of a scalar; empty when absent.
std::string text_at(const YAML::Node& node, const char* key) {
  const YAML::Node value = node[key];
  return value && value.IsScalar() ? value.Scalar() : "";
}

/// The entry called `name` in the list `list`, and in it the map `key`.
Result<YAML::Node> entry(const YAML::Node& root, const char* list, const std::string& name,
                         const char* key) {
  const YAML::Node entries = root[list];
  if (entries && entries.IsSequence()) {
    for (const YAML::Node& item : entries) {
      if (!item.IsMap() || text_at(item, "name") != name) continue;
      YAML::Node found = item[key];
      if (found && found.IsMap()) return found;
      return invalid(fmt::format("{} '{}' has no {}", list, name.substr(0, 100), key));
    }
  }
  return invalid(fmt::format("no entry '{}' in {}", name.substr(0, 100), list));
}

/// Whence the values that may stand in the file or in another one.
class Sources {
 public:
  Sources(const std::string& directory, const FileReader& read)
      : directory_(directory), read_(read) {}

  [[nodiscard]] std::string absolute(const std::string& path) const {
    if (path.empty() || path.starts_with('/') || directory_.empty()) return path;
    return directory_ + "/" + path;
  }

  /// `<key>-data` (base64) wins over `<key>` (a path), as kubectl has it.
  /// `file` becomes the path when there is one.
  [[nodiscard]] Result<std::string> pem(const YAML::Node& node, const std::string& key,
                                        std::string& file) const {
    const std::string data = text_at(node, (key + "-data").c_str());
    if (!data.empty()) {
      Result<std::string> decoded = base64_decode(data);
      if (!decoded) return invalid(key + "-data is not base64");
      return decoded;
    }
    const std::string path = absolute(text_at(node, key.c_str()));
    if (path.empty()) return std::string();
    Result<std::string> content = read_(path);
    if (!content) return fail(std::move(content.error()), "kubeconfig: " + key);
    file = path;
    return content;
  }

 private:
  const std::string& directory_;
  const FileReader& read_;
};

/// Splits "https://host:port/prefix/" into origin and prefix and checks both.
Status read_server(const std::string& server, ClusterAccess& out) {
  const std::size_t scheme = server.find("://");
  const std::size_t slash = scheme == std::string::npos ? scheme : server.find('/', scheme + 3);
  out.origin = server.substr(0, slash);
  if (slash != std::string::npos) out.path_prefix = server.substr(slash);
  while (out.path_prefix.ends_with('/'))
    out.path_prefix.pop_back();
  const Result<http::Origin> origin = http::parse_origin(out.origin);
  if (!origin) return invalid("server: " + origin.error().message);
  if (!origin->tls && !origin->is_loopback())
    return invalid("server: plain http is accepted only to this machine; use https");
  return {};
}

Status read_cluster(const YAML::Node& cluster, const Sources& sources, ClusterAccess& out) {
  if (text_at(cluster, "insecure-skip-tls-verify") == "true")
    return invalid("insecure-skip-tls-verify is not supported; give certificate-authority");
  if (!text_at(cluster, "proxy-url").empty()) return invalid("proxy-url is not supported");
  if (Status s = read_server(text_at(cluster, "server"), out); !s) return s;
  Result<std::string> ca = sources.pem(cluster, "certificate-authority", out.files.ca);
  if (!ca) return tl::unexpected(ca.error());
  out.ca_pem = std::move(*ca);
  out.server_name = text_at(cluster, "tls-server-name");
  return {};
}

/// Ways to authenticate that are refused by name instead of being ignored.
Status refuse_unsupported(const YAML::Node& user) {
  if (user["exec"]) {
    return invalid(
        "the user authenticates by an exec plugin, which is not supported; use a token, a "
        "tokenFile "
        "or a client certificate (for example `kubectl create token`)");
  }
  for (const char* key :
       {"auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"}) {
    if (user[key]) return invalid(fmt::format("the user's '{}' is not supported", key));
  }
  return {};
}

Status read_user(const YAML::Node& user, const Sources& sources, ClusterAccess& out) {
  if (Status s = refuse_unsupported(user); !s) return s;
  out.token = text_at(user, "token");
  out.token_file = sources.absolute(text_at(user, "tokenFile"));
  Result<std::string> certificate = sources.pem(user, "client-certificate", out.files.client_cert);
  if (!certificate) return tl::unexpected(certificate.error());
  Result<std::string> key = sources.pem(user, "client-key", out.files.client_key);
  if (!key) return tl::unexpected(key.error());
  out.client_cert_pem = std::move(*certificate);
  out.client_key_pem = std::move(*key);
  return {};
}

Result<ClusterAccess> read_config(const YAML::Node& root, const std::string& wanted,
                                  const Sources& sources) {
  if (!root.IsMap()) return invalid("not a YAML map");
  const std::string context = wanted.empty() ? text_at(root, "current-context") : wanted;
  if (context.empty()) return invalid("no current-context; name a context");
  ClusterAccess out;
  Result<YAML::Node> chosen = entry(root, "contexts", context, "context");
  if (!chosen) return tl::unexpected(chosen.error());
  out.ns = text_at(*chosen, "namespace");
  Result<YAML::Node> cluster = entry(root, "clusters", text_at(*chosen, "cluster"), "cluster");
  if (!cluster) return tl::unexpected(cluster.error());
  if (Status s = read_cluster(*cluster, sources, out); !s) return tl::unexpected(s.error());
  const std::string user_name = text_at(*chosen, "user");
  if (user_name.empty()) return out;  // anonymous, as for a local proxy
  Result<YAML::Node> user = entry(root, "users", user_name, "user");
  if (!user) return tl::unexpected(user.error());
  if (Status s = read_user(*user, sources, out); !s) return tl::unexpected(s.error());
  return out;
}

}  // namespace

Result<ClusterAccess> parse_kubeconfig(std::string_view text, const std::string& context,
                                       const std::string& directory, const FileReader& read) {
  if (text.size() > kMaxConfigBytes)
    return invalid(fmt::format("larger than {} bytes", kMaxConfigBytes));
  // Aliases are shared nodes here, never copies, so an alias bomb costs nothing; deep nesting is
  // refused by yaml-cpp itself.
  try {
    return read_config(YAML::Load(std::string(text)), context, Sources(directory, read));
  } catch (const YAML::Exception& e) {
    // The library's message may quote the file; the place is enough.
    return invalid(fmt::format("not readable as YAML near line {}", e.mark.line + 1));
  }
}

}  // namespace stagekeeper::kube
