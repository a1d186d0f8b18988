#include "aws/s3_client.h"

#include "aws/s3_answer.h"
#include "aws/sigv4.h"
#include "base/crypto.h"
#include "http/origin.h"

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

Result<std::string> host_of_endpoint(std::string_view endpoint) {
  const Result<http::Origin> origin = http::parse_origin(endpoint);
  if (!origin) return fail(origin.error(), "S3 endpoint");
  return origin->host_header();
}

S3Client::S3Client(http::Client& http, S3Options options, const Clock& clock)
    : http_(http), options_(std::move(options)), clock_(clock), requests_(options_.bucket) {
  if (!options_.source) options_.source = fixed_credentials(std::move(options_.credentials));
}

Status S3Client::prepare(http::Request& request) const {
  const Result<Credentials> credentials = options_.source->get();
  if (!credentials) return tl::unexpected(credentials.error());
  const std::string hash =
      request.body.empty() ? std::string(kEmptyPayloadHash) : sha256_hex(request.body);
  request.headers.insert_or_assign("Host", options_.host);
  request.headers.insert_or_assign("x-amz-content-sha256", hash);
  sign(request, *credentials,
       SigningScope{.region = options_.region, .service = "s3", .time = clock_.now()}, hash);
  // Signed, and left to the HTTP client to send: it writes "host:port" itself, and one that gets
  // the header from us looks for the port in the server's certificate, too. Without a port the
  // client would add the default one, so then the header stays.
  if (options_.host.find(':') != std::string::npos) request.headers.erase("Host");
  return {};
}

void S3Client::note_date(const http::Response& response) {
  const Result<TimePoint> date = parse_http_date(header(response, "Date"));
  if (!date) return;
  const MutexLock lock(mutex_);
  server_time_ = ServerTime{.server = *date, .local = clock_.now()};
}

Result<http::Response> S3Client::exchange(http::Request& request) {
  if (Status s = prepare(request); !s) return tl::unexpected(s.error());
  Result<http::Response> response = http_.send(request);
  if (response) note_date(*response);
  return response;
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

Status S3Client::stream(std::string_view key, const http::BodySink& sink,
                        const std::stop_token& stop) {
  http::Request request = requests_.get(key);
  if (Status s = prepare(request); !s) return s;
  const Result<http::Response> response = http_.stream(request, sink, stop);
  if (!response) return tl::unexpected(response.error());
  note_date(*response);
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
