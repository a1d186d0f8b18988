#pragma once

#include "aws/credentials.h"
#include "base/result.h"

#include <string_view>

namespace stagekeeper::aws {

/// Reads the JSON in which container endpoints and EC2's metadata service hand out credentials:
///
///     {"AccessKeyId": "…", "SecretAccessKey": "…", "Token": "…", "Expiration":
///     "2026-03-03T09:15:00Z"}
///
/// EC2 adds "Code": "Success" (another code is a refusal), "LastUpdated" and "Type"; a container
/// endpoint may leave out Token and Expiration. Format: "Container credential provider" in the AWS
/// SDKs and Tools Reference Guide, and "Retrieve security credentials from instance metadata" in
/// the Amazon EC2 User Guide. Pure; the caller bounds the text.
/// Errors: Denied for a refusal, with its code; Unavailable for what is no such answer, of which
/// nothing is quoted.
Result<Credentials> read_json_credentials(std::string_view text);

/// "404 (code: message)" of an answer that is no success, as far as its JSON tells.
std::string json_refusal(int status, std::string_view body, std::string_view secret = {});

}  // namespace stagekeeper::aws
