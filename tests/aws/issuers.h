#pragma once

#include "aws/container_credentials.h"
#include "aws/instance_credentials.h"
#include "aws/web_identity.h"
#include "http/cpprest_client.h"
#include "tests/aws/temp_files.h"
#include "tests/fakes/http_imposter.h"
#include "tests/fakes/memory_store.h"

#include <chrono>
#include <memory>
#include <string>

namespace stagekeeper::aws_test {

inline const TimePoint kNow = parse_time("2026-03-03T09:15:00Z").value();
/// What no message may hold: the token that is shown to an issuer, and the keys that it gives out.
inline const std::string kToken = "eyJhbGciOi.identity-of-the-workload.c2lnbmF0dXJl";
inline const std::string kSecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
inline const std::string kSession = "AQoEXAMPLEH4aoAH0gNCAPy//session==";

inline bool tells_secrets(const std::string& message) {
  for (const std::string& secret : {kToken, kSecretKey, kSession, std::string("signature")})
    if (message.find(secret) != std::string::npos) return true;
  return message.find("identity-of-the-workload") != std::string::npos;
}

inline std::string json_keys(const std::string& id, const std::string& end,
                             const std::string& more = "") {
  return "{" + more + R"("AccessKeyId":")" + id + R"(","SecretAccessKey":")" + kSecretKey +
         R"(","Token":")" + kSession + R"(","Expiration":")" + end + R"("})";
}

inline std::string xml_keys(const std::string& id, const std::string& end) {
  return "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
         "<AssumeRoleWithWebIdentityResult><Audience>sts.amazonaws.com</Audience><Credentials>"
         "<SessionToken>" +
         kSession + "</SessionToken><SecretAccessKey>" + kSecretKey +
         "</SecretAccessKey><Expiration>" + end + "</Expiration><AccessKeyId>" + id +
         "</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata>"
         "<RequestId>ad4156e9</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>";
}

inline std::string sts_error(const std::string& code, const std::string& message) {
  return "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"
         "</Type><Code>" +
         code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>";
}

/// An issuer of credentials on the wire, and a source in front of it.
class Issuer {
 public:
  enum class Kind { kWebIdentity, kContainer, kInstance };

  explicit Issuer(Kind kind) : kind_(kind) {
    std::shared_ptr<http::Client> client =
        http::make_client({.origin = imposter.origin(),
                           .timeout = std::chrono::milliseconds(200),
                           .max_body_bytes = std::size_t{64} << 10U})
            .value();
    token_file = files.write("token", kToken + "\n");
    if (kind == Kind::kWebIdentity) {
      source = aws::web_identity_credentials(
          client, {.role_arn = "arn:aws:iam::1:role/audit", .token_file = token_file}, clock);
    } else if (kind == Kind::kContainer) {
      source =
          aws::container_credentials(client, "/v1/credentials", {.token_file = token_file}, clock);
    } else {
      imposter.on("PUT", "/latest/api/token").always().body("imds-token==");
      imposter.on("GET", kRoles).always().body("node-role\n");
      source = aws::instance_credentials(client, clock);
    }
  }

  /// The answer that carries the credentials.
  fakes::Answer& answer() {
    if (kind_ == Kind::kWebIdentity) return imposter.on("POST", "/");
    if (kind_ == Kind::kContainer) return imposter.on("GET", "/v1/credentials");
    return imposter.on("GET", kRoles + "node-role");
  }

  [[nodiscard]] std::string body(const std::string& id, const std::string& end) const {
    if (kind_ == Kind::kWebIdentity) return xml_keys(id, end);
    return json_keys(id, end, kind_ == Kind::kInstance ? R"("Code":"Success",)" : "");
  }

  fakes::Answer& good(const std::string& id) { return answer().body(body(id, kEnd)); }

  static inline const std::string kEnd = "2026-03-03T15:15:00Z";
  static inline const std::string kRoles = "/latest/meta-data/iam/security-credentials/";

  fakes::HttpImposter imposter;
  fakes::ManualClock clock{kNow};
  TempFiles files;
  std::string token_file;
  std::shared_ptr<aws::CredentialSource> source;

 private:
  Kind kind_;
};

}  // namespace stagekeeper::aws_test
