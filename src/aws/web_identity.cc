#include "aws/web_identity.h"

#include "aws/s3_xml.h"
#include "aws/server_text.h"
#include "aws/token_file.h"
#include "base/text.h"
#include "base/url.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::aws {
namespace {

struct Cause {
  std::string_view code;
  ErrorCode means;
  std::string_view advice;
};

/// The errors of the reference, and what people can do about them.
constexpr Cause kCauses[] = {
    {"AccessDenied", ErrorCode::kDenied,
     "check that the role's trust policy names this service account and the token's audience"},
    {"ExpiredTokenException", ErrorCode::kDenied,
     "the token in the file has ended: nobody replaces it any more, or a clock is wrong"},
    {"InvalidIdentityToken", ErrorCode::kDenied,
     "check that the account knows the cluster's issuer of tokens, and the token's audience"},
    {"IDPRejectedClaim", ErrorCode::kDenied, "check the token's audience and the role"},
    {"RegionDisabledException", ErrorCode::kDenied, "STS is switched off there: name another"},
    {"ValidationError", ErrorCode::kDenied, "check the role's ARN"},
    {"InvalidParameterValue", ErrorCode::kDenied, "check the role's ARN and the token file"},
    {"IDPCommunicationError", ErrorCode::kUnavailable, ""},
    {"Throttling", ErrorCode::kThrottled, ""},
};

Error refusal(const http::Response& response, std::string_view token) {
  const bool server = response.status >= 500 || response.status == 408;
  ErrorCode code = server                   ? ErrorCode::kUnavailable
                   : response.status == 429 ? ErrorCode::kThrottled
                   : response.status >= 400 ? ErrorCode::kDenied
                                            : ErrorCode::kUnavailable;
  std::string text = fmt::format("STS answered {}", response.status);
  const Result<XmlElement> root = parse_xml(response.body);
  const XmlElement* error = root ? root->child("Error") : nullptr;
  if (root && root->name == "Error") error = &*root;
  if (error == nullptr) return {code, text + ", and not as STS does: check its address"};
  const std::string_view named = error->child_text("Code");
  text += " " +
          join_filled({server_text(named, token), server_text(error->child_text("Message"), token)},
                      ": ");
  const auto* known = std::find_if(std::begin(kCauses), std::end(kCauses),
                                   [&](const Cause& cause) { return cause.code == named; });
  if (known == std::end(kCauses)) return {code, std::move(text)};
  if (!known->advice.empty()) text += fmt::format(" ({})", known->advice);
  return {known->means, std::move(text)};
}

}  // namespace

Result<std::string> sts_endpoint(std::string_view region) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  if (region.empty() || region.size() > 32 ||
      region.find_first_not_of(kAllowed) != std::string_view::npos) {
    return fail(ErrorCode::kInvalid,
                "STS: not a region, such as eu-central-1; name one, or the endpoint of STS");
  }
  return fmt::format("https://sts.{}.amazonaws.com{}", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

http::Request web_identity_request(const WebIdentityOptions& options, std::string_view token) {
  return {
      .method = "POST",
      .target = "/",
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "text/xml"}},
      .body = fmt::format("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}"
                          "&RoleSessionName={}&WebIdentityToken={}",
                          percent_encode(options.role_arn), percent_encode(options.session_name),
                          percent_encode(token)),
      // A second one only gives out a second set of keys.
      .idempotency = http::Idempotency::kIdempotent};
}

Result<Credentials> read_web_identity(const http::Response& response, std::string_view token) {
  if (response.status != 200) return tl::unexpected(refusal(response, token));
  const Result<XmlElement> root = parse_xml(response.body);
  if (!root) return fail(ErrorCode::kUnavailable, "STS: " + root.error().message);
  const XmlElement* result = root->child("AssumeRoleWithWebIdentityResult");
  const XmlElement* found = result == nullptr ? nullptr : result->child("Credentials");
  if (found == nullptr) {
    return fail(ErrorCode::kUnavailable,
                "STS: the answer holds no credentials; is it the endpoint of STS?");
  }
  Credentials out{.access_key_id = std::string(found->child_text("AccessKeyId")),
                  .secret_access_key = Secret(std::string(found->child_text("SecretAccessKey"))),
                  .session_token = Secret(std::string(found->child_text("SessionToken")))};
  if (!well_formed(out) || out.session_token.empty())
    return fail(ErrorCode::kUnavailable, "STS: the answer's credentials are not complete");
  const Result<TimePoint> end = parse_time(found->child_text("Expiration"));
  if (!end) return fail(ErrorCode::kUnavailable, "STS: the answer does not say when they end");
  out.expires_at = *end;
  return out;
}

std::shared_ptr<CredentialSource> web_identity_credentials(std::shared_ptr<http::Client> sts,
                                                           WebIdentityOptions options,
                                                           const Clock& clock,
                                                           RefreshOptions refresh) {
  refresh.what = "web identity";
  auto fetch = [sts = std::move(sts), options = std::move(options)]() -> Result<Credentials> {
    SK_TRY(const Secret token, read_token_file(options.token_file, TokenForm::kOneWord));
    SK_TRY(const http::Response response, sts->send(web_identity_request(options, token.reveal())));
    return read_web_identity(response, token.reveal());
  };
  return std::make_shared<RefreshingSource>(std::move(fetch), std::move(refresh), clock);
}

}  // namespace stagekeeper::aws
