#include "aws/container_credentials.h"

#include "aws/json_credentials.h"
#include "aws/token_file.h"
#include "http/origin.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::aws {
namespace {

constexpr std::string_view kTaskAddress = "http://169.254.170.2";

bool may_be_plain(const http::Origin& origin) {
  return origin.is_loopback() || origin.host == "169.254.170.2" ||
         origin.host == "169.254.170.23" || origin.host == "fd00:ec2::23";
}

Result<ContainerEndpoint> endpoint_of(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t slash = std::min(uri.find_first_of("/?", host), uri.size());
  Result<http::Origin> origin = http::parse_origin(uri.substr(0, slash));
  if (!origin) return fail(std::move(origin.error()), "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!origin->tls && !may_be_plain(*origin)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI: http is allowed for loopback, "
                            "169.254.170.2, 169.254.170.23 and [fd00:ec2::23] only, not for {}; "
                            "use https",
                            origin->host));
  }
  std::string target(uri.substr(slash));
  if (!target.starts_with('/')) target.insert(0, "/");
  return ContainerEndpoint{.origin = origin->url(), .target = std::move(target)};
}

Result<http::Request> request_for(const std::string& target,
                                  const ContainerAuthorization& authorization) {
  http::Request out{.method = "GET",
                    .target = target,
                    .headers = {{"Accept", "application/json"}},
                    .idempotency = http::Idempotency::kIdempotent};
  if (!authorization.token_file.empty()) {
    SK_TRY(const Secret token, read_token_file(authorization.token_file, TokenForm::kOneLine));
    out.headers.emplace("Authorization", token.reveal());
  } else if (!authorization.token.empty()) {
    out.headers.emplace("Authorization", authorization.token.reveal());
  }
  return out;
}

Result<Credentials> read_answer(const http::Request& request, const http::Response& response) {
  const auto token = request.headers.find("Authorization");
  const std::string_view secret =
      token == request.headers.end() ? std::string_view() : std::string_view(token->second);
  if (response.status == 200) return read_json_credentials(response.body);
  const std::string text =
      "the endpoint answered " + json_refusal(response.status, response.body, secret);
  if (response.status == 429) return fail(ErrorCode::kThrottled, text);
  if (response.status >= 500) return fail(ErrorCode::kUnavailable, text);
  return fail(ErrorCode::kDenied,
              text + ": check that a role is associated with this pod's service account");
}

}  // namespace

Result<ContainerEndpoint> container_endpoint(std::string_view relative_uri,
                                             std::string_view full_uri) {
  if (relative_uri.empty()) return endpoint_of(full_uri);
  if (!relative_uri.starts_with('/')) {
    return fail(ErrorCode::kInvalid,
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI has to be a path that begins with /");
  }
  return ContainerEndpoint{.origin = std::string(kTaskAddress),
                           .target = std::string(relative_uri)};
}

std::shared_ptr<CredentialSource> container_credentials(std::shared_ptr<http::Client> client,
                                                        std::string target,
                                                        ContainerAuthorization authorization,
                                                        const Clock& clock,
                                                        RefreshOptions refresh) {
  refresh.what = "container credentials";
  auto fetch = [client = std::move(client), target = std::move(target),
                authorization = std::move(authorization)]() -> Result<Credentials> {
    SK_TRY(const http::Request request, request_for(target, authorization));
    SK_TRY(const http::Response response, client->send(request));
    return read_answer(request, response);
  };
  return std::make_shared<RefreshingSource>(std::move(fetch), std::move(refresh), clock);
}

}  // namespace stagekeeper::aws
