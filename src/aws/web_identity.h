#pragma once

#include "aws/credentials.h"
#include "aws/refreshing_source.h"
#include "base/clock.h"
#include "http/client.h"

#include <memory>
#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// A role that is taken with a token which names the workload, such as a service account's.
struct WebIdentityOptions {
  std::string role_arn;
  std::string token_file;  ///< read anew each time: its owner replaces it before it ends
  std::string session_name = "stagekeeper";  ///< seen in the issuer's own logs
};

/// The origin of AWS's STS in a region: "https://sts.eu-central-1.amazonaws.com". Regional, as the
/// SDKs have it by now: the global one is further away and a single point of failure.
/// Errors: Invalid for what is no region.
Result<std::string> sts_endpoint(std::string_view region);

/// The request of AssumeRoleWithWebIdentity: a POST of a form, so that the token stands in no log
/// of URLs; unsigned. Format: "AssumeRoleWithWebIdentity" in the AWS Security Token Service API
/// Reference, version 2011-06-15; MinIO and Ceph RGW take the same. Pure.
http::Request web_identity_request(const WebIdentityOptions& options, std::string_view token);

/// Its answer, XML of the same reference: `AssumeRoleWithWebIdentityResult/Credentials`, or
/// `ErrorResponse/Error`. `token` is kept out of messages. Pure and bounded.
/// Errors: Denied with what to do for what somebody must mend, Throttled, Unavailable.
Result<Credentials> read_web_identity(const http::Response& response, std::string_view token);

/// Credentials of that role, from the STS behind `sts`.
std::shared_ptr<CredentialSource> web_identity_credentials(std::shared_ptr<http::Client> sts,
                                                           WebIdentityOptions options,
                                                           const Clock& clock,
                                                           RefreshOptions refresh = {});

}  // namespace stagekeeper::aws
