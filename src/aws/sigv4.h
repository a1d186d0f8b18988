#pragma once

#include "aws/credentials.h"
#include "base/clock.h"
#include "http/client.h"

#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// Where and when a signature holds.
struct SigningScope {
  std::string region;
  std::string service;
  TimePoint time;
};

/// SHA-256 of the empty body, the payload hash of every GET, HEAD and DELETE.
inline constexpr std::string_view kEmptyPayloadHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The canonical request of Signature Version 4 for a request whose Host and x-amz-date headers are
/// set. The path is encoded once, as S3 wants it and no other service, and never normalised: "//"
/// and "/./" are parts of an object's key.
std::string canonical_request(const http::Request& request, std::string_view payload_hash);

/// The text that is signed, for a canonical request.
std::string string_to_sign(std::string_view canonical, const SigningScope& scope);

/// Signs a request in place: sets x-amz-date, x-amz-security-token (with a session token) and
/// Authorization. Every header present is signed, so that none can be changed on the way; Host must
/// be among them. The caller sets x-amz-content-sha256 himself where the service wants it.
///
/// Pure: time, region, service and credentials are arguments.
void sign(http::Request& request, const Credentials& credentials, const SigningScope& scope,
          std::string_view payload_hash);

}  // namespace stagekeeper::aws
