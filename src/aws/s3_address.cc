#include "aws/s3_address.h"

#include "http/origin.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMinBucket = 3;
constexpr std::size_t kMaxBucket = 63;

bool of_letters_and_digits(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// A name that can be part of a host.
bool is_host_part(std::string_view bucket) {
  return bucket.size() >= kMinBucket && bucket.size() <= kMaxBucket &&
         of_letters_and_digits(bucket.front()) && of_letters_and_digits(bucket.back()) &&
         bucket.find("..") == std::string_view::npos && std::ranges::all_of(bucket, [](char c) {
           return of_letters_and_digits(c) || c == '-' || c == '.';
         });
}

bool is_aws(std::string_view host) {
  const bool theirs = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
  return theirs && (host.starts_with("s3.") || host.starts_with("s3-"));
}

}  // namespace

Result<S3Addressing> parse_addressing(std::string_view text) {
  if (text == "Auto") return S3Addressing::kAuto;
  if (text == "Path") return S3Addressing::kPath;
  if (text == "VirtualHost") return S3Addressing::kVirtualHost;
  return fail(ErrorCode::kInvalid, "has to be Auto, Path or VirtualHost");
}

Result<S3Address> s3_address(std::string_view endpoint, std::string_view bucket,
                             S3Addressing addressing) {
  Result<http::Origin> origin = http::parse_origin(endpoint);
  if (!origin) return fail(std::move(origin.error()), "S3 endpoint");
  const std::string prefix = std::string(bucket) + ".";
  const bool named = !bucket.empty() && origin->host.starts_with(prefix) &&
                     is_aws(std::string_view(origin->host).substr(prefix.size()));
  const bool dotted = bucket.find('.') != std::string_view::npos;
  const bool possible = !origin->is_address && is_host_part(bucket);
  const bool wanted = addressing == S3Addressing::kVirtualHost ||
                      (addressing == S3Addressing::kAuto &&
                       (named || (is_aws(origin->host) && possible && !dotted)));
  if (wanted && !possible) {
    return fail(ErrorCode::kInvalid,
                fmt::format("S3 endpoint {}: the bucket cannot be part of the host; use addressing "
                            "Path",
                            origin->url()));
  }
  if (wanted && !named) origin->host = prefix + origin->host;
  return S3Address{.origin = origin->url(),
                   .host = origin->host_header(),
                   .bucket_in = wanted ? BucketIn::kHost : BucketIn::kPath};
}

std::string aws_s3_endpoint(std::string_view region) {
  return fmt::format("https://s3.{}.amazonaws.com{}", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

}  // namespace stagekeeper::aws
