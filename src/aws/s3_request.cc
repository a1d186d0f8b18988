#include "aws/s3_request.h"

#include "aws/s3_xml.h"
#include "aws/sigv4.h"
#include "base/crypto.h"
#include "base/url.h"

#include <fmt/format.h>

namespace stagekeeper::aws {
namespace {

http::Request bare(std::string method, std::string target) {
  return http::Request{.method = std::move(method), .target = std::move(target)};
}

void add_checksums(http::Request& request) {
  request.headers.insert_or_assign("Content-MD5", base64_encode(md5_raw(request.body)));
  request.headers.insert_or_assign("x-amz-checksum-sha256",
                                   base64_encode(sha256_raw(request.body)));
}

std::string version_query(const ObjectVersionId& object) {
  return "versionId=" + percent_encode(object.version_id);
}

}  // namespace

std::string S3Requests::path(std::string_view key) const {
  const std::string object = "/" + percent_encode(key, Keep::kUnreservedAndSlash);
  return where_ == BucketIn::kHost ? object : bucket_path() + object;
}

std::string S3Requests::bucket_path() const {
  return where_ == BucketIn::kHost ? "/" : "/" + percent_encode(bucket_);
}

http::Request S3Requests::put_locked(std::string_view key, std::string body,
                                     TimePoint retain_until) const {
  http::Request request = bare("PUT", path(key));
  request.body = std::move(body);
  request.headers = {{"Content-Type", "application/json"},
                     {"If-None-Match", "*"},
                     {"x-amz-object-lock-mode", "COMPLIANCE"},
                     {"x-amz-object-lock-retain-until-date", format_time(retain_until)}};
  add_checksums(request);
  return request;
}

http::Request S3Requests::get(std::string_view key, std::string_view version_id) const {
  std::string target = path(key);
  if (!version_id.empty()) target += "?versionId=" + percent_encode(version_id);
  return bare("GET", std::move(target));
}

http::Request S3Requests::head(const ObjectVersionId& object) const {
  http::Request request = bare("HEAD", path(object.key) + "?" + version_query(object));
  request.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  return request;
}

http::Request S3Requests::get_retention(const ObjectVersionId& object) const {
  return bare("GET", path(object.key) + "?retention=&" + version_query(object));
}

http::Request S3Requests::list_versions(std::string_view prefix, const VersionMarker& from,
                                        int max_keys) const {
  std::string target = fmt::format("{}?versions=&max-keys={}&prefix={}", bucket_path(), max_keys,
                                   percent_encode(prefix));
  if (!from.key_marker.empty()) target += "&key-marker=" + percent_encode(from.key_marker);
  if (!from.version_id_marker.empty()) {
    target += "&version-id-marker=" + percent_encode(from.version_id_marker);
  }
  return bare("GET", std::move(target));
}

http::Request S3Requests::list_objects(std::string_view prefix, std::string_view token) const {
  std::string target =
      fmt::format("{}?list-type=2&max-keys=1000&prefix={}", bucket_path(), percent_encode(prefix));
  if (!token.empty()) target += "&continuation-token=" + percent_encode(token);
  return bare("GET", std::move(target));
}

http::Request S3Requests::get_lock_configuration() const {
  return bare("GET", bucket_path() + "?object-lock=");
}

http::Request S3Requests::get_versioning() const {
  return bare("GET", bucket_path() + "?versioning=");
}

http::Request S3Requests::delete_version(const ObjectVersionId& object,
                                         bool bypass_governance) const {
  http::Request request = bare("DELETE", path(object.key) + "?" + version_query(object));
  if (bypass_governance) request.headers = {{"x-amz-bypass-governance-retention", "true"}};
  return request;
}

http::Request S3Requests::put_retention(const ObjectVersionId& object,
                                        TimePoint retain_until) const {
  http::Request request = bare("PUT", path(object.key) + "?retention=&" + version_query(object));
  request.body = fmt::format(
      "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>COMPLIANCE</Mode>"
      "<RetainUntilDate>{}</RetainUntilDate></Retention>",
      format_time(retain_until));
  request.headers = {{"Content-Type", "application/xml"}};
  add_checksums(request);
  return request;
}

}  // namespace stagekeeper::aws
