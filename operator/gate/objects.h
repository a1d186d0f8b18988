#pragma once

#include "aws/credentials.h"
#include "base/result.h"
#include "http/client.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace stagekeeper::gate {

/// Port for reading one object of a store, whole and in order.
class ObjectSource {
 public:
  ObjectSource() = default;
  ObjectSource(const ObjectSource&) = delete;
  ObjectSource& operator=(const ObjectSource&) = delete;
  ObjectSource(ObjectSource&&) = delete;
  ObjectSource& operator=(ObjectSource&&) = delete;
  virtual ~ObjectSource() = default;

  /// Hands the bytes over piece by piece; the sink's false ends the read without an error.
  /// Errors: NotFound, Denied, Invalid (the URI), Throttled, Unavailable.
  virtual Status read(const std::string& uri, const http::BodySink& sink) = 0;
};

/// The parts of s3://bucket/key.
struct S3Location {
  std::string bucket;
  std::string key;
};

/// Errors: Invalid for anything but s3://BUCKET/KEY.
Result<S3Location> parse_s3_uri(std::string_view uri);

/// How to reach the store.
struct StoreOptions {
  std::string endpoint;  ///< https://host:port
  std::string region;
  std::string ca_pem;  ///< empty: the system's authorities
  /// Where credentials come from, asked for when the first object of a store is read: who reads
  /// files alone needs none. Not set: Invalid.
  std::function<Result<std::shared_ptr<aws::CredentialSource>>()> credentials;
};

/// Reads file:///path (regular files only) and, through `store`, s3://bucket/key. Without an
/// endpoint s3:// is Invalid.
std::unique_ptr<ObjectSource> make_object_source(StoreOptions store);

}  // namespace stagekeeper::gate
