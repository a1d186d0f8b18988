#pragma once

#include "aws/credentials.h"
#include "aws/refreshing_source.h"
#include "base/clock.h"
#include "http/client.h"

#include <memory>
#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// Where EC2's metadata service answers.
inline constexpr std::string_view kInstanceMetadata = "http://169.254.169.254";

/// The origin to ask: AWS_EC2_METADATA_SERVICE_ENDPOINT, or the usual one where that is empty. It
/// gives out credentials in clear, so http is taken for link-local (169.254.0.0/16), loopback and
/// fd00:ec2::254 only. Errors: Invalid.
Result<std::string> instance_endpoint(std::string_view configured);

/// Credentials of the role of the EC2 instance (a Kubernetes node, usually), by version 2 of the
/// metadata service: a PUT for a token, then GETs with it for the role's name and its credentials.
/// Version 1, which anything that can be made to fetch a URL could use, is never asked. Format:
/// "Use the Instance Metadata Service" and "Retrieve security credentials from instance metadata"
/// in the Amazon EC2 User Guide.
std::shared_ptr<CredentialSource> instance_credentials(std::shared_ptr<http::Client> client,
                                                       const Clock& clock,
                                                       RefreshOptions refresh = {});

}  // namespace stagekeeper::aws
