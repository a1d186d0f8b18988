#pragma once

#include "aws/credential_choice.h"
#include "aws/credentials.h"
#include "base/clock.h"
#include "operator/artifacts/source.h"

#include <functional>
#include <memory>
#include <string>

namespace stagekeeper::artifacts {

/// Below which files of file:// lie unless something else is said.
inline constexpr const char* kFileRoot = "/models";

/// How to reach what a URI names.
struct StoreOptions {
  std::string endpoint = {};  ///< of S3: https://host:port
  std::string region = "us-east-1";
  std::string ca_pem = {};        ///< of the S3 store; empty: the system's authorities
  std::string https_ca_pem = {};  ///< of https://; empty: the system's
  std::string file_root = kFileRoot;
  std::string user_agent = "stagekeeper";
  /// Where credentials come from, asked for when the first object of a store is read: who reads
  /// files alone needs none. Not set: Invalid.
  std::function<Result<std::shared_ptr<aws::CredentialSource>>()> credentials = {};
};

/// Options by the environment: S3_ENDPOINT, S3_REGION, S3_CA_FILE, HTTPS_CA_FILE (default: that of
/// S3), FILE_ROOT, and credentials as aws::choose_credentials finds them.
/// Errors: of a CA file that cannot be read. The clock outlives what is made of the options.
Result<StoreOptions> options_from(const aws::Environment& environment, const Clock& clock,
                                  const std::string& user_agent);

/// Reads s3://, https:// and file:// URIs. An S3 store without an endpoint is Invalid; redirects of
/// an https server are not followed, and the error says so.
std::unique_ptr<ObjectSource> make_source(StoreOptions options);

}  // namespace stagekeeper::artifacts
