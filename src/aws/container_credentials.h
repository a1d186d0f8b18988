#pragma once

#include "aws/credentials.h"
#include "aws/refreshing_source.h"
#include "base/clock.h"
#include "http/client.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// Where a container asks for the credentials of its task or pod.
struct ContainerEndpoint {
  std::string origin;  ///< "http://169.254.170.23:80"
  std::string target;  ///< "/v1/credentials"
};

/// Reads AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (a path at 169.254.170.2) or, where that is empty,
/// AWS_CONTAINER_CREDENTIALS_FULL_URI. The credentials come in clear over http, so it is allowed
/// only for a loopback address and the addresses of ECS (169.254.170.2) and of EKS Pod Identity
/// (169.254.170.23, fd00:ec2::23), as "Container credential provider" in the AWS SDKs and Tools
/// Reference Guide has it; of names only "localhost" counts as loopback, since nothing is resolved
/// here. https may go anywhere. Errors: Invalid with what is allowed.
Result<ContainerEndpoint> container_endpoint(std::string_view relative_uri,
                                             std::string_view full_uri);

/// What is sent as Authorization. The file goes first and is read anew each time.
struct ContainerAuthorization {
  std::string token_file = {};  ///< AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
  Secret token = {};            ///< AWS_CONTAINER_AUTHORIZATION_TOKEN
};

/// Credentials from such an endpoint: a GET, answered as read_json_credentials() reads it.
/// `client` talks to the endpoint's origin.
std::shared_ptr<CredentialSource> container_credentials(std::shared_ptr<http::Client> client,
                                                        std::string target,
                                                        ContainerAuthorization authorization,
                                                        const Clock& clock,
                                                        RefreshOptions refresh = {});

}  // namespace stagekeeper::aws
