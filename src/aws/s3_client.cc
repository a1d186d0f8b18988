#include "aws/s3_client.h"

#include "aws/s3_answer.h"
#include "aws/sigv4.h"
#include "base/crypto.h"
#include "base/log.h"

#include <algorithm>

namespace stagekeeper::aws {
namespace {

std::string header(const http::Response& response, std::string_view name) {
  const auto found = response.headers.find(name);
  return found == response.headers.end() ? std::string() : found->second;
}

/// An answer that cannot be read tells nothing about the bucket: as good as none.
template <typename T>
Result<T> readable(Result<T> read, std::string_view what) {
  if (!read) {
    return fail(ErrorCode::kUnavailable, std::string(what) + ": " + read.error().message);
  }
  return read;
}

}  // namespace

S3Client::S3Client(http::Client& http, S3Options options, const Clock& clock)
    : http_(http),
      options_(std::move(options)),
      clock_(clock),
      requests_(options_.bucket, options_.bucket_in),
      region_(options_.region) {
  if (!options_.source) options_.source = fixed_credentials(std::move(options_.credentials));
}

Result<Credentials> S3Client::credentials() const {
  Result<Credentials> now = options_.source->get();
  if (now) return now;
  const ErrorCode code = now.error().code;
  const bool passes = code == ErrorCode::kThrottled || code == ErrorCode::kUnavailable ||
                      code == ErrorCode::kCancelled;
  if (!passes) now.error().code = ErrorCode::kMisconfigured;
  return fail(std::move(now.error()), "no credentials for the store");
}

std::string S3Client::region() const {
  const MutexLock lock(mutex_);
  return region_;
}

void S3Client::prepare(http::Request& request, const Credentials& credentials) const {
  const std::string hash =
      request.body.empty() ? std::string(kEmptyPayloadHash) : sha256_hex(request.body);
  request.headers.insert_or_assign("Host", options_.host);
  request.headers.insert_or_assign("x-amz-content-sha256", hash);
  request.headers.erase("x-amz-security-token");  // of an earlier attempt
  sign(request, credentials,
       SigningScope{.region = region(), .service = "s3", .time = clock_.now()}, hash);
  // Signed, and left to the HTTP client to send: it writes "host:port" itself, and one that gets
  // the header from us looks for the port in the server's certificate, too. Without a port the
  // client would add the default one, so then the header stays.
  if (options_.host.find(':') != std::string::npos) request.headers.erase("Host");
}

void S3Client::note_date(const http::Response& response) {
  const Result<TimePoint> date = parse_http_date(header(response, "Date"));
  if (!date) return;
  const MutexLock lock(mutex_);
  server_time_ = ServerTime{.server = *date, .local = clock_.now()};
}

std::optional<Credentials> S3Client::second_chance(const http::Request& request,
                                                   const http::Response& response,
                                                   const Credentials& used) {
  if (response.status < 300) return std::nullopt;
  const std::optional<S3Error> refused = refusal_of(request, response);
  if (!refused) return std::nullopt;
  // A HEAD is refused without a word why.
  const bool mute = request.method == "HEAD" && (response.status == 400 || response.status == 403);
  const bool elsewhere = refused->refusal == S3Refusal::kOtherRegion || mute;
  if (elsewhere && (response.status == 400 || response.status == 403) && !refused->region.empty()) {
    const MutexLock lock(mutex_);
    if (region_ != refused->region) {
      log(LogLevel::kWarn, "the bucket is in another region than configured",
          {{"object", options_.bucket}, {"diff", region_ + " -> " + refused->region}});
      region_ = refused->region;
      return used;
    }
  }
  const bool keys = refused->refusal == S3Refusal::kExpired ||
                    refused->refusal == S3Refusal::kBadKeys ||
                    (mute && !used.session_token.empty());
  if (!keys) return std::nullopt;
  Result<Credentials> others = options_.source->renew(used);
  if (!others || same_keys(*others, used)) return std::nullopt;
  return *std::move(others);
}

Result<http::Response> S3Client::exchange(http::Request& request, const Send& send) {
  SK_TRY(const Credentials first, credentials());
  prepare(request, first);
  SK_TRY(http::Response response, send(request));
  note_date(response);
  const std::optional<Credentials> second = second_chance(request, response, first);
  if (!second) return response;
  prepare(request, *second);
  SK_TRY(http::Response again, send(request));
  note_date(again);
  return again;
}

Result<http::Response> S3Client::exchange(http::Request& request) {
  return exchange(request, [this](const http::Request& ready) { return http_.send(ready); });
}

Result<http::Response> S3Client::call(http::Request request) {
  Result<http::Response> response = exchange(request);
  if (!response) return response;
  if (const std::optional<S3Error> refused = refusal_of(request, *response)) {
    return tl::unexpected(to_error(*refused, request, *response));
  }
  return response;
}

Result<std::optional<S3Error>> S3Client::attempt(http::Request request) {
  const Result<http::Response> response = exchange(request);
  if (!response) return tl::unexpected(response.error());
  return refusal_of(request, *response);
}

Result<std::string> S3Client::put_locked(std::string_view key, std::string body,
                                         TimePoint retain_until) {
  const Result<http::Response> response =
      call(requests_.put_locked(key, std::move(body), retain_until));
  if (!response) return tl::unexpected(response.error());
  return header(*response, "x-amz-version-id");
}

Result<std::string> S3Client::get(std::string_view key, std::string_view version_id) {
  Result<http::Response> response = call(requests_.get(key, version_id));
  if (!response) return tl::unexpected(response.error());
  return std::move(response->body);
}

Status S3Client::stream(std::string_view key, const StreamPart& part, const http::BodySink& sink,
                        const std::stop_token& stop) {
  http::Request request = requests_.get(key);
  if (!part.range.empty()) request.headers["Range"] = part.range;
  if (!part.if_match.empty()) request.headers["If-Match"] = part.if_match;
  request.on_head = part.on_head;
  const Result<http::Response> response = exchange(
      request, [&](const http::Request& ready) { return http_.stream(ready, sink, stop); });
  if (!response) return tl::unexpected(response.error());
  if (response->status == 412) {
    return fail(ErrorCode::kConflict, "the object changed while it was read");
  }
  if (const std::optional<S3Error> refused = refusal_of(request, *response)) {
    return tl::unexpected(to_error(*refused, request, *response));
  }
  return {};
}

Result<ObjectHead> S3Client::head(const ObjectVersionId& object) {
  const Result<http::Response> response = call(requests_.head(object));
  if (!response) return tl::unexpected(response.error());
  return readable(read_head(*response), "head object");
}

Result<ObjectLock> S3Client::retention(const ObjectVersionId& object) {
  http::Request request = requests_.get_retention(object);
  const Result<http::Response> response = exchange(request);
  if (!response) return tl::unexpected(response.error());
  const std::optional<S3Error> refused = refusal_of(request, *response);
  if (!refused) return readable(read_retention(response->body), "get object retention");
  if (refused->refusal == S3Refusal::kNoLock) return ObjectLock{};
  return tl::unexpected(to_error(*refused, request, *response));
}

Result<VersionPage> S3Client::list_versions(std::string_view prefix, const VersionMarker& from) {
  const Result<http::Response> response = call(requests_.list_versions(prefix, from));
  if (!response) return tl::unexpected(response.error());
  return readable(read_version_page(response->body, from), "list object versions");
}

Result<ObjectPage> S3Client::list_objects(std::string_view prefix, std::string_view token) {
  const Result<http::Response> response = call(requests_.list_objects(prefix, token));
  if (!response) return tl::unexpected(response.error());
  return readable(read_object_page(response->body, token), "list objects");
}

Result<BucketLock> S3Client::bucket_lock() {
  http::Request request = requests_.get_lock_configuration();
  const Result<http::Response> response = exchange(request);
  if (!response) return tl::unexpected(response.error());
  const std::optional<S3Error> refused = refusal_of(request, *response);
  if (!refused) return readable(read_bucket_lock(response->body), "get lock configuration");
  if (refused->refusal == S3Refusal::kNoLock) return BucketLock{};
  return tl::unexpected(to_error(*refused, request, *response));
}

Result<bool> S3Client::versioning_enabled() {
  const Result<http::Response> response = call(requests_.get_versioning());
  if (!response) return tl::unexpected(response.error());
  return readable(read_versioning(response->body), "get bucket versioning");
}

Result<std::optional<S3Error>> S3Client::try_delete_version(const ObjectVersionId& object,
                                                            bool bypass) {
  return attempt(requests_.delete_version(object, bypass));
}

Result<std::optional<S3Error>> S3Client::try_put_retention(const ObjectVersionId& object,
                                                           TimePoint retain_until) {
  return attempt(requests_.put_retention(object, retain_until));
}

std::optional<ServerTime> S3Client::server_time() const {
  const MutexLock lock(mutex_);
  return server_time_;
}

}  // namespace stagekeeper::aws
