#include "aws/s3_address.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws::BucketIn;
using aws::s3_address;
using aws::S3Addressing;

TEST_CASE("s3 address: the Host header of every spelling of an endpoint") {
  const auto host = [](const std::string& endpoint) {
    return s3_address(endpoint, "audit", S3Addressing::kPath)->host;
  };
  CHECK(host("https://10.0.0.1:7443") == "10.0.0.1:7443");
  CHECK(host("https://s3.example:443/") == "s3.example");
  CHECK(host("http://s3.example:80") == "s3.example");
  CHECK(host("https://[fd00::1]:443") == "fd00::1:443");
  CHECK(host("https://[FD00::1]:9000/") == "fd00::1:9000");
  CHECK(host("https://S3.Example:9000") == "s3.example:9000");
  for (const char* bad : {"", "s3.example", "ftp://s3.example", "https://", "https://a/b",
                          "https://a?b", "https://u@a", "https://a b"}) {
    CAPTURE(bad);
    CHECK_FALSE(s3_address(bad, "audit", S3Addressing::kAuto));
  }
}

TEST_CASE(
    "s3 address: left to itself, the bucket is in the host where AWS's certificate covers it") {
  struct Row {
    const char* endpoint;
    const char* bucket;
    const char* host;
    BucketIn bucket_in;
  };

  const Row rows[] = {
      {"https://s3.eu-central-1.amazonaws.com", "audit", "audit.s3.eu-central-1.amazonaws.com",
       BucketIn::kHost},
      {"https://S3.EU-Central-1.amazonaws.com/", "audit", "audit.s3.eu-central-1.amazonaws.com",
       BucketIn::kHost},
      {"https://s3.amazonaws.com", "audit", "audit.s3.amazonaws.com", BucketIn::kHost},
      {"https://s3.dualstack.eu-west-1.amazonaws.com", "audit",
       "audit.s3.dualstack.eu-west-1.amazonaws.com", BucketIn::kHost},
      {"https://s3-fips.us-gov-west-1.amazonaws.com", "audit",
       "audit.s3-fips.us-gov-west-1.amazonaws.com", BucketIn::kHost},
      {"https://s3.cn-north-1.amazonaws.com.cn", "audit", "audit.s3.cn-north-1.amazonaws.com.cn",
       BucketIn::kHost},
      {"https://audit.s3.eu-central-1.amazonaws.com", "audit",
       "audit.s3.eu-central-1.amazonaws.com", BucketIn::kHost},
      {"https://s3.eu-central-1.amazonaws.com", "audit.example", "s3.eu-central-1.amazonaws.com",
       BucketIn::kPath},
      {"https://s3.eu-central-1.amazonaws.com", "Audit_Old", "s3.eu-central-1.amazonaws.com",
       BucketIn::kPath},
      {"https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com", "audit",
       "bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com", BucketIn::kPath},
      {"https://s3.example.com", "audit", "s3.example.com", BucketIn::kPath},
      {"https://s3.amazonaws.com.evil.example", "audit", "s3.amazonaws.com.evil.example",
       BucketIn::kPath},
      {"https://10.0.0.1:7443", "audit", "10.0.0.1:7443", BucketIn::kPath},
  };
  for (const Row& row : rows) {
    CAPTURE(row.endpoint);
    CAPTURE(row.bucket);
    const auto address = s3_address(row.endpoint, row.bucket, S3Addressing::kAuto);
    REQUIRE(address);
    CHECK(address->host == row.host);
    CHECK(address->bucket_in == row.bucket_in);
  }
}

TEST_CASE("s3 address: what is asked for goes first, and is refused where it cannot be") {
  const auto host = s3_address("https://s3.example:9000", "audit", S3Addressing::kVirtualHost);
  REQUIRE(host);
  CHECK(host->host == "audit.s3.example:9000");
  CHECK(host->origin == "https://audit.s3.example:9000");
  CHECK(s3_address("https://s3.eu-central-1.amazonaws.com", "audit", S3Addressing::kPath)->host ==
        "s3.eu-central-1.amazonaws.com");
  for (const auto& [endpoint, bucket] :
       {std::pair<const char*, const char*>("https://10.0.0.1", "audit"),
        {"https://[fd00::1]", "audit"},
        {"https://s3.example", "Audit"},
        {"https://s3.example", "a/b"},
        {"https://s3.example", "ab"},
        {"https://s3.example", "evil.example#"}}) {
    CAPTURE(endpoint);
    CAPTURE(bucket);
    const auto refused = s3_address(endpoint, bucket, S3Addressing::kVirtualHost);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("use addressing Path") != std::string::npos);
  }
  CHECK(aws::parse_addressing("VirtualHost").value() == S3Addressing::kVirtualHost);
  CHECK_FALSE(aws::parse_addressing("virtual"));
}
