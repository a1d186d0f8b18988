#pragma once

#include "aws/credentials.h"
#include "aws/key_files.h"
#include "base/clock.h"

#include <functional>
#include <memory>
#include <string>

namespace stagekeeper::aws {

/// Where credentials may come from.
enum class SourceKind {
  kFiles,        ///< keys in files: a mounted Secret
  kWebIdentity,  ///< a role by a token of the pod: STS AssumeRoleWithWebIdentity
  kContainer,    ///< an endpoint for the pod: EKS Pod Identity, ECS
  kInstance,     ///< the metadata service of an EC2 node
  kAuto,         ///< keys in the environment, then as above without files: the first that is set up
};

/// What a configuration says of it. Empty texts: as the environment variable beside them says.
struct SourceOptions {
  SourceKind kind = SourceKind::kAuto;
  KeyFiles files = {};            ///< for kFiles
  std::string role_arn = {};      ///< AWS_ROLE_ARN
  std::string token_file = {};    ///< AWS_WEB_IDENTITY_TOKEN_FILE
  std::string sts_endpoint = {};  ///< AWS_ENDPOINT_URL_STS, else that of AWS in the region
  std::string region = {};        ///< for STS, after AWS_REGION and AWS_DEFAULT_REGION
  std::string ca_file = {};       ///< authorities for an STS that was named; empty: the system's
  std::string user_agent = "stagekeeper";
};

/// The value of an environment variable; empty when it is not set.
using Environment = std::function<std::string(const char* name)>;

/// The source that the options, and for kAuto the environment, lead to. Asks nobody yet. The
/// variables are those of "Standardized credential providers" in the AWS SDKs and Tools Reference
/// Guide, in the order of the SDKs' chain.
/// Errors: Invalid with what is missing or not allowed; those of the CA file.
Result<std::shared_ptr<CredentialSource>> choose_credentials(const SourceOptions& options,
                                                             const Environment& environment,
                                                             const Clock& clock);

}  // namespace stagekeeper::aws
