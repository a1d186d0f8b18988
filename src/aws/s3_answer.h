#pragma once

#include "aws/s3_client.h"

#include <string_view>

namespace stagekeeper::aws {

/// Readers of S3's answers. Pure and bounded; Errors: Invalid for what is not the answer asked for.

Result<VersionPage> read_version_page(std::string_view body, const VersionMarker& from);
Result<ObjectPage> read_object_page(std::string_view body, std::string_view token);
Result<ObjectLock> read_retention(std::string_view body);
Result<BucketLock> read_bucket_lock(std::string_view body);
Result<bool> read_versioning(std::string_view body);

/// The lock that HEAD tells in headers. Errors: Invalid for a mode without a readable date.
Result<ObjectHead> read_head(const http::Response& response);

}  // namespace stagekeeper::aws
