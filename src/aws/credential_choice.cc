#include "aws/credential_choice.h"

#include "aws/container_credentials.h"
#include "aws/instance_credentials.h"
#include "aws/web_identity.h"
#include "base/text.h"
#include "http/cpprest_client.h"
#include "http/origin.h"
#include "http/reloading_client.h"

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::aws {
namespace {

using Chosen = Result<std::shared_ptr<CredentialSource>>;

/// Answers of all sources are small.
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10U;
constexpr std::chrono::seconds kTimeout{5};
/// The metadata service is near, or not there.
constexpr std::chrono::seconds kNearTimeout{2};

std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

class Chooser {
 public:
  Chooser(const SourceOptions& options, const Environment& environment, const Clock& clock)
      : options_(options), environment_(environment), clock_(clock) {}

  Chosen choose() const {
    switch (options_.kind) {
      case SourceKind::kFiles:
        return file_credentials(options_.files);
      case SourceKind::kWebIdentity:
        return web_identity();
      case SourceKind::kContainer:
        return container();
      case SourceKind::kInstance:
        return instance();
      case SourceKind::kAuto:
        break;
    }
    return first_set_up();
  }

 private:
  [[nodiscard]] std::string env(const char* name) const {
    return without_line_ends({.access_key_id = environment_(name)}).access_key_id;
  }

  [[nodiscard]] bool is_set(const char* name) const { return !env(name).empty(); }

  Chosen first_set_up() const {
    if (is_set("AWS_ACCESS_KEY_ID") || is_set("AWS_SECRET_ACCESS_KEY")) return keys();
    if (!token_file().empty() && !role_arn().empty()) return web_identity();
    if (is_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        is_set("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
      return container();
    }
    return instance();
  }

  Chosen keys() const {
    Credentials out{.access_key_id = env("AWS_ACCESS_KEY_ID"),
                    .secret_access_key = Secret(env("AWS_SECRET_ACCESS_KEY")),
                    .session_token = Secret(env("AWS_SESSION_TOKEN"))};
    if (!well_formed(out)) {
      return fail(ErrorCode::kInvalid,
                  "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to be set together, each one "
                  "word");
    }
    return fixed_credentials(std::move(out));
  }

  [[nodiscard]] std::string role_arn() const {
    return first_of({options_.role_arn, env("AWS_ROLE_ARN")});
  }

  [[nodiscard]] std::string token_file() const {
    return first_of({options_.token_file, env("AWS_WEB_IDENTITY_TOKEN_FILE")});
  }

  Chosen web_identity() const {
    WebIdentityOptions identity{.role_arn = role_arn(), .token_file = token_file()};
    if (identity.role_arn.empty() || identity.token_file.empty()) {
      return fail(ErrorCode::kInvalid,
                  "web identity needs a role and a token file: AWS_ROLE_ARN and "
                  "AWS_WEB_IDENTITY_TOKEN_FILE; is the service account annotated?");
    }
    if (is_set("AWS_ROLE_SESSION_NAME")) identity.session_name = env("AWS_ROLE_SESSION_NAME");
    SK_TRY(std::shared_ptr<http::Client> sts, sts_client());
    return web_identity_credentials(std::move(sts), std::move(identity), clock_);
  }

  Result<std::shared_ptr<http::Client>> sts_client() const {
    const std::string named = first_of({options_.sts_endpoint, env("AWS_ENDPOINT_URL_STS")});
    if (named.empty()) {
      SK_TRY(
          const std::string endpoint,
          sts_endpoint(first_of({env("AWS_REGION"), env("AWS_DEFAULT_REGION"), options_.region})));
      return client(endpoint, kTimeout, "");
    }
    const Result<http::Origin> origin = http::parse_origin(named);
    if (!origin) return fail(origin.error(), "endpoint of STS");
    // The token alone is enough to take the role.
    if (!origin->tls && !origin->is_loopback())
      return fail(ErrorCode::kInvalid, "the endpoint of STS has to begin with https://");
    return client(origin->url(), kTimeout, options_.ca_file);
  }

  Chosen container() const {
    SK_TRY(ContainerEndpoint endpoint,
           container_endpoint(env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                              env("AWS_CONTAINER_CREDENTIALS_FULL_URI")));
    SK_TRY(std::shared_ptr<http::Client> connected, client(endpoint.origin, kTimeout, ""));
    return container_credentials(std::move(connected), std::move(endpoint.target),
                                 {.token_file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
                                  .token = Secret(env("AWS_CONTAINER_AUTHORIZATION_TOKEN"))},
                                 clock_);
  }

  Chosen instance() const {
    if (lower_ascii(env("AWS_EC2_METADATA_DISABLED")) == "true") {
      return fail(ErrorCode::kInvalid,
                  "no credentials: no keys, no web identity and no container endpoint are set up, "
                  "and AWS_EC2_METADATA_DISABLED forbids to ask the node");
    }
    SK_TRY(const std::string endpoint, instance_endpoint(env("AWS_EC2_METADATA_SERVICE_ENDPOINT")));
    SK_TRY(std::shared_ptr<http::Client> connected, client(endpoint, kNearTimeout, ""));
    return instance_credentials(std::move(connected), clock_);
  }

  Result<std::shared_ptr<http::Client>> client(const std::string& origin,
                                               std::chrono::seconds timeout,
                                               const std::string& ca_file) const {
    SK_TRY(std::unique_ptr<http::Client> out,
           http::make_reloading_client({.origin = origin,
                                        .timeout = timeout,
                                        .total_timeout = 2 * timeout,
                                        .max_body_bytes = kMaxAnswerBytes,
                                        .user_agent = options_.user_agent},
                                       {.ca = ca_file}));
    return std::shared_ptr<http::Client>(std::move(out));
  }

  const SourceOptions& options_;
  const Environment& environment_;
  const Clock& clock_;
};

}  // namespace

Chosen choose_credentials(const SourceOptions& options, const Environment& environment,
                          const Clock& clock) {
  return Chooser(options, environment, clock).choose();
}

}  // namespace stagekeeper::aws
