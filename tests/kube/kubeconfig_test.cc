#include "kube/kubeconfig.h"

#include "base/crypto.h"
#include "kube/connect.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)

namespace {

/// Files by path; everything else does not exist.
FileReader files(std::map<std::string, std::string> content) {
  return [content = std::move(content)](const std::string& path) -> Result<std::string> {
    const auto found = content.find(path);
    if (found == content.end()) return fail(ErrorCode::kNotFound, "cannot open " + path);
    return found->second;
  };
}

std::string config(const std::string& cluster, const std::string& user) {
  return R"(
apiVersion: v1
kind: Config
current-context: main
contexts:
- name: other
  context: {cluster: elsewhere, user: nobody}
- name: main
  context: {cluster: c, user: u, namespace: ml}
clusters:
- name: elsewhere
  cluster: {server: "https://elsewhere:1"}
- name: c
  cluster: )" +
         cluster + R"(
users:
- name: nobody
  user: {}
- name: u
  user: )" +
         user + "\n";
}

const std::string kServer = R"({server: "https://api:6443"})";

}  // namespace

TEST_CASE("kubeconfig: reads every supported way to name server and user") {
  const FileReader read =
      files({{"/home/ca.crt", "CA"}, {"/abs/me.crt", "CERT"}, {"/home/me.key", "KEY"}});
  const std::string cluster =
      R"({server: "https://api:6443/k8s/c-1/", certificate-authority: ca.crt, tls-server-name: kubernetes})";

  const ClusterAccess by_files =
      parse_kubeconfig(config(cluster, "{client-certificate: /abs/me.crt, client-key: me.key}"), "",
                       "/home", read)
          .value();
  CHECK(by_files.origin == "https://api:6443");
  CHECK(by_files.path_prefix == "/k8s/c-1");
  CHECK(by_files.ca_pem == "CA");
  CHECK(by_files.client_cert_pem == "CERT");
  CHECK(by_files.client_key_pem == "KEY");
  CHECK(by_files.server_name == "kubernetes");
  CHECK(by_files.ns == "ml");

  const std::string inline_cluster = R"({server: "https://api", certificate-authority: missing, )"
                                     "certificate-authority-data: " +
                                     base64_encode("INLINE") + "}";
  const ClusterAccess by_data =
      parse_kubeconfig(config(inline_cluster, "{client-certificate-data: " + base64_encode("C") +
                                                  ", client-key-data: " + base64_encode("K") + "}"),
                       "main", "/home", read)
          .value();
  CHECK(by_data.ca_pem == "INLINE");
  CHECK(by_data.client_cert_pem == "C");
  CHECK(by_data.client_key_pem == "K");
  CHECK(by_data.path_prefix.empty());

  const ClusterAccess by_token =
      parse_kubeconfig(config(kServer, "{token: t0, tokenFile: run/token}"), "", "/home", read)
          .value();
  CHECK(by_token.token == "t0");
  CHECK(by_token.token_file == "/home/run/token");

  const ClusterAccess other =
      parse_kubeconfig(config(kServer, "{exec: {}}"), "other", "/home", read).value();
  CHECK(other.origin == "https://elsewhere:1");
  CHECK(other.token.empty());

  const ClusterAccess proxy =
      parse_kubeconfig(config(R"({server: "http://127.0.0.1:8001"})", "{}"), "", "", read).value();
  CHECK(proxy.origin == "http://127.0.0.1:8001");
}

TEST_CASE("kubeconfig: what is missing or not supported is refused by name and without secrets") {
  struct Row {
    const char* what;
    std::string text;
    std::string context;
    const char* says;
  };

  const std::string token = "{token: secret}";
  const Row rows[] = {
      {"empty", "", "", "not a YAML map"},
      {"a list", "[1]", "", "not a YAML map"},
      {"no YAML", "a: [secret", "", "near line"},
      {"no current context", "contexts: []", "", "no current-context"},
      {"unknown context", config(kServer, token), "x", "no entry 'x' in contexts"},
      {"context without cluster", "current-context: a\ncontexts: [{name: a, context: {}}]", "",
       "no entry '' in clusters"},
      {"context that is text", "current-context: a\ncontexts: [{name: a, context: b}]", "",
       "has no context"},
      {"exec", config(kServer, "{exec: {command: aws}}"), "", "exec plugin"},
      {"auth-provider", config(kServer, "{auth-provider: {name: gcp}}"), "", "'auth-provider'"},
      {"password", config(kServer, "{username: a, password: secret}"), "", "'username'"},
      {"impersonation", config(kServer, "{token: secret, as: root}"), "", "'as'"},
      {"insecure", config(R"({server: "https://a", insecure-skip-tls-verify: true})", token), "",
       "insecure-skip-tls-verify is not supported"},
      {"proxy", config(R"({server: "https://a", proxy-url: "http://p"})", token), "", "proxy-url"},
      {"http", config(R"({server: "http://api"})", token), "", "plain http"},
      {"no server", config("{}", token), "", "not an origin"},
      {"server with a user", config(R"({server: "https://u@a"})", token), "", "not an origin"},
      {"CA that is no base64",
       config(R"({server: "https://a", certificate-authority-data: "%%"})", token), "",
       "certificate-authority-data is not base64"},
      {"missing key file", config(kServer, "{client-certificate: a.crt, client-key: b.key}"), "",
       "client-certificate: cannot open /home/a.crt"},
      {"too large", std::string((1U << 20U) + 1, '#'), "", "larger than"},
      {"nested too deep", std::string(5000, '['), "", "near line"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Result<ClusterAccess> access =
        parse_kubeconfig(row.text, row.context, "/home", files({}));
    REQUIRE_FALSE(access);
    CAPTURE(access.error().message);
    CHECK(access.error().message.find(row.says) != std::string::npos);
    CHECK(access.error().message.find("secret") == std::string::npos);
    CHECK(access.error().message.starts_with("kubeconfig: "));
  }
}

TEST_CASE("kubeconfig: an alias bomb costs nothing") {
  std::string bomb = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + "," + last + "," +
            last + "," + last + "]\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  CHECK(parse_kubeconfig(bomb + config(kServer, "{token: t}"), "", "/home", files({})));
  const Result<ClusterAccess> as_cluster =
      parse_kubeconfig(bomb + config("*a39", "{token: t}"), "", "/home", files({}));
  CHECK_FALSE(as_cluster);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
}

TEST_CASE("in-cluster: host, port, authority, token file and namespace of the pod") {
  const FileReader read = files({{"/sa/ca.crt", "CA"}, {"/sa/namespace", "ops"}});
  const ClusterAccess v4 = in_cluster_access("10.96.0.1", "443", "/sa", read).value();
  CHECK(v4.origin == "https://10.96.0.1:443");
  CHECK(v4.ca_pem == "CA");
  CHECK(v4.token_file == "/sa/token");
  CHECK(v4.ns == "ops");
  CHECK(in_cluster_access("fd00::1", "443", "/sa", read).value().origin == "https://[fd00::1]:443");
  const Result<ClusterAccess> none = in_cluster_access("10.96.0.1", "443", "/none", read);
  REQUIRE_FALSE(none);
  CHECK(none.error().message.find("service account: cannot open /none/ca.crt") !=
        std::string::npos);
  CHECK(in_cluster_access("10.96.0.1", "443", "/sa", files({{"/sa/ca.crt", "CA"}}))
            .value()
            .ns.empty());
}

TEST_CASE("connect: what cannot work fails before anything is sent") {
  CHECK(make_api({.origin = "https://10.96.0.1:"}, {}).error().code == ErrorCode::kInvalid);
  CHECK(make_api({.origin = "https://a", .ca_pem = "x"}, {}).error().code == ErrorCode::kInvalid);
  CHECK(make_api({.origin = "https://a", .token = "two words"}, {}).error().code ==
        ErrorCode::kInvalid);
  CHECK(find_cluster({.kubeconfig = "/a:/b"}).error().code == ErrorCode::kInvalid);
  CHECK(find_cluster({.kubeconfig = "/nonexistent/x"}).error().code == ErrorCode::kNotFound);
}
