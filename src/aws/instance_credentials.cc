#include "aws/instance_credentials.h"

#include "aws/json_credentials.h"
#include "http/origin.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::aws {
namespace {

constexpr const char* kTokenPath = "/latest/api/token";
constexpr const char* kRolesPath = "/latest/meta-data/iam/security-credentials/";
/// A pod is one hop further from the service than its node is.
constexpr std::string_view kHopAdvice =
    "on EC2, pods need HttpPutResponseHopLimit 2; anywhere else, name another source of "
    "credentials";

/// One step that went wrong with an answer.
tl::unexpected<Error> refused(const http::Response& response, std::string_view what,
                              std::string_view advice) {
  std::string text = fmt::format("{}: {}", what, response.status);
  if (response.status == 429 || response.status >= 500)
    return fail(response.status == 429 ? ErrorCode::kThrottled : ErrorCode::kUnavailable, text);
  return fail(ErrorCode::kDenied, fmt::format("{} ({})", text, advice));
}

/// A short word of the characters that IAM allows in the name of a role; also of a token.
bool is_name(std::string_view text, std::size_t max_bytes) {
  return !text.empty() && text.size() <= max_bytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+=,.@_-/").find(c) != std::string_view::npos;
  });
}

Result<Secret> session(http::Client& client) {
  Result<http::Response> response =
      client.send({.method = "PUT",
                   .target = kTokenPath,
                   .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}},
                   .idempotency = http::Idempotency::kIdempotent});
  if (!response) {
    response.error().message += fmt::format(" ({})", kHopAdvice);
    return fail(std::move(response.error()), "metadata service");
  }
  if (response->status != 200)
    return refused(*response, "metadata service, token", "is it switched off?");
  constexpr std::size_t kMaxTokenBytes = 4096;
  if (!is_name(response->body, kMaxTokenBytes))
    return fail(ErrorCode::kUnavailable, "metadata service: the answer is not a token");
  return Secret(std::move(response->body));
}

Result<http::Response> get(http::Client& client, std::string target, const Secret& token) {
  return client.send({.method = "GET",
                      .target = std::move(target),
                      .headers = {{"X-aws-ec2-metadata-token", token.reveal()}},
                      .idempotency = http::Idempotency::kIdempotent});
}

Result<std::string> role_of(http::Client& client, const Secret& token) {
  SK_TRY(const http::Response response, get(client, kRolesPath, token));
  if (response.status != 200)
    return refused(response, "metadata service, role", "has the instance a role?");
  std::string role = response.body.substr(0, response.body.find('\n'));
  if (role.ends_with('\r')) role.pop_back();
  constexpr std::size_t kMaxRoleBytes = 64;
  if (!is_name(role, kMaxRoleBytes) || role.find('/') != std::string::npos)
    return fail(ErrorCode::kUnavailable, "metadata service: the answer names no role");
  return role;
}

Result<Credentials> fetch(http::Client& client) {
  SK_TRY(const Secret token, session(client));
  SK_TRY(const std::string role, role_of(client, token));
  SK_TRY(const http::Response response, get(client, kRolesPath + role, token));
  if (response.status != 200)
    return refused(response, "metadata service, credentials", "has the instance a role?");
  Result<Credentials> out = read_json_credentials(response.body);
  if (!out) return fail(std::move(out.error()), "metadata service");
  if (!out->expires_at || out->session_token.empty())
    return fail(ErrorCode::kUnavailable, "metadata service: the credentials are not complete");
  return out;
}

}  // namespace

Result<std::string> instance_endpoint(std::string_view configured) {
  if (configured.empty()) return std::string(kInstanceMetadata);
  const Result<http::Origin> origin = http::parse_origin(configured);
  if (!origin) return fail(origin.error(), "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  const bool link_local = origin->is_address && origin->host.starts_with("169.254.");
  if (!origin->tls && !link_local && !origin->is_loopback() && origin->host != "fd00:ec2::254") {
    return fail(ErrorCode::kInvalid,
                fmt::format("AWS_EC2_METADATA_SERVICE_ENDPOINT: http is allowed for link-local "
                            "addresses only, not for {}",
                            origin->host));
  }
  return origin->url();
}

std::shared_ptr<CredentialSource> instance_credentials(std::shared_ptr<http::Client> client,
                                                       const Clock& clock, RefreshOptions refresh) {
  refresh.what = "instance credentials";
  return std::make_shared<RefreshingSource>([client = std::move(client)] { return fetch(*client); },
                                            std::move(refresh), clock);
}

}  // namespace stagekeeper::aws
