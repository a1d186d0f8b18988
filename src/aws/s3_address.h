#pragma once

#include "aws/s3_request.h"
#include "base/result.h"

#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// How a configuration wants buckets named.
enum class S3Addressing {
  kAuto,         ///< in the host at AWS, where the certificate covers it; else in the path
  kPath,         ///< https://s3.example/bucket/key
  kVirtualHost,  ///< https://bucket.s3.example/key
};

/// Reads "Auto", "Path" or "VirtualHost". Errors: Invalid.
Result<S3Addressing> parse_addressing(std::string_view text);

/// Where the requests for one bucket go.
struct S3Address {
  std::string origin;  ///< for http::ClientOptions
  std::string host;    ///< the Host header that the client sends there, which has to be signed
  BucketIn bucket_in = BucketIn::kPath;
};

/// The address of a bucket at an endpoint such as "https://10.0.0.1:7443"; a slash at the end and
/// capital letters make no difference.
///
/// kAuto puts the bucket into the host for AWS's own endpoints (s3.eu-central-1.amazonaws.com,
/// s3.dualstack.…, s3-fips.…, those of China) unless its name has a dot, which their certificate
/// does not cover; everything else, interface endpoints of a VPC among them, is asked by path,
/// which every other store serves. An endpoint of AWS that names the bucket already is taken as it
/// is. Rules: "Virtual hosting of buckets" in the Amazon S3 User Guide. Errors: Invalid for what is
/// no origin, and for kVirtualHost where it cannot be: an address instead of a name, or a bucket
/// that is no DNS name.
Result<S3Address> s3_address(std::string_view endpoint, std::string_view bucket,
                             S3Addressing addressing);

/// The endpoint of AWS in a region, for messages: "https://s3.eu-central-1.amazonaws.com".
std::string aws_s3_endpoint(std::string_view region);

}  // namespace stagekeeper::aws
