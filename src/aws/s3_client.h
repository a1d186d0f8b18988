#pragma once

#include "aws/credentials.h"
#include "aws/s3_error.h"
#include "aws/s3_request.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "http/client.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::aws {

/// Which bucket, how addressed, as whom.
struct S3Options {
  std::string host;  ///< the Host header as s3_address tells it
  std::string region;
  std::string bucket;
  BucketIn bucket_in = BucketIn::kPath;
  Credentials credentials = {};
  /// Asked before each request when set; else `credentials` stand.
  std::shared_ptr<CredentialSource> source = {};
};

/// One entry of a listing of versions, in the server's order: by key, newest first within a key.
struct VersionEntry {
  std::string key;
  std::string version_id;
  bool is_latest = false;
  bool delete_marker = false;
};

/// A page of such a listing.
struct VersionPage {
  std::vector<VersionEntry> entries;
  std::optional<VersionMarker> next;  ///< absent at the end
};

/// One current object of a listing.
struct ObjectEntry {
  std::string key;
  std::uint64_t size_bytes = 0;
};

/// A page of such a listing.
struct ObjectPage {
  std::vector<ObjectEntry> entries;
  std::string next;  ///< token of the next page; empty at the end
};

/// What of an object is streamed, and who sees the headers first. Values of the headers Range and
/// If-Match; empty: the whole object as it is now.
struct StreamPart {
  std::string range = {};
  std::string if_match = {};
  http::HeadSink on_head = {};
};

enum class LockMode { kNone, kGovernance, kCompliance };

/// What protects one version. `retain_until` is meaningful unless the mode is kNone.
struct ObjectLock {
  LockMode mode = LockMode::kNone;
  TimePoint retain_until = {};
};

/// A version's size, lock and checksum as HEAD tells them.
struct ObjectHead {
  std::uint64_t size_bytes = 0;
  std::string version_id = {};
  std::string checksum_sha256 = {};  ///< base64; empty where the store does not tell
  ObjectLock lock = {};
};

/// The bucket's own settings.
struct BucketLock {
  bool enabled = false;
  LockMode default_mode = LockMode::kNone;
};

/// A pair of readings: the store's Date header, and our clock when the answer was there.
struct ServerTime {
  TimePoint server;
  TimePoint local;
};

/// S3 calls on one bucket: builds, signs, sends, reads. One attempt a call: the caller decides
/// about retries, since he knows what a lost answer means. Only what was refused for what it came
/// with is sent a second time, since nothing was done: with other credentials, if their source has
/// others than those that the store calls expired or unknown; or signed for the region that the
/// store names, which then holds for all calls. Another host that an answer points at is not asked:
/// the error names the region.
///
/// Line ends behind a key are cut, as they are in whatever reads keys out of files.
///
/// Thread rule: thread-safe. Lifetime: the http client and the clock outlive it.
/// Errors of all calls: see to_error(), and those of http::Client::send. Of the credential source
/// Throttled, Unavailable and Cancelled are passed on; anything else is Misconfigured: whoever
/// asked for an object must not take a missing key file for a missing object.
class S3Client {
 public:
  S3Client(http::Client& http, S3Options options, const Clock& clock);

  /// Creates an object under COMPLIANCE lock and returns its version id ("" when the store sends
  /// none, which the caller must refuse). AlreadyExists when the key is taken, or a racing PUT of
  /// it is under way. Unavailable leaves open whether the object was created.
  Result<std::string> put_locked(std::string_view key, std::string body, TimePoint retain_until);

  /// The bytes of a version ("" = the current one), at most ClientOptions::max_body_bytes.
  Result<std::string> get(std::string_view key, std::string_view version_id = {});

  /// Hands the current version's bytes over as they arrive. Cancelled after a stop request,
  /// Conflict when the object is not the one of If-Match.
  Status stream(std::string_view key, const StreamPart& part, const http::BodySink& sink,
                const std::stop_token& stop);

  Result<ObjectHead> head(const ObjectVersionId& object);

  /// kNone for a version without retention; NotFound when the version is not there.
  Result<ObjectLock> retention(const ObjectVersionId& object);

  /// One page. Invalid when the page says that more follows and not from where, or from where it
  /// came: a caller would loop.
  Result<VersionPage> list_versions(std::string_view prefix, const VersionMarker& from);

  /// One page, from the token of the page before. Invalid when it does not say from where to go on.
  Result<ObjectPage> list_objects(std::string_view prefix, std::string_view token);

  Result<BucketLock> bucket_lock();

  /// Whether versioning is on.
  Result<bool> versioning_enabled();

  /// Success, or why it was refused: the probe wants both. An Error is a failure to ask.
  Result<std::optional<S3Error>> try_delete_version(const ObjectVersionId& object, bool bypass);
  Result<std::optional<S3Error>> try_put_retention(const ObjectVersionId& object,
                                                   TimePoint retain_until);

  /// From the last answer that carried a date, nothing before the first.
  [[nodiscard]] std::optional<ServerTime> server_time() const;

 private:
  /// How a request is sent: in one piece, or streamed.
  using Send = std::function<Result<http::Response>(const http::Request& request)>;

  [[nodiscard]] Result<Credentials> credentials() const;
  void prepare(http::Request& request, const Credentials& credentials) const;
  [[nodiscard]] std::string region() const;
  void note_date(const http::Response& response);
  /// Whether the same request can succeed now, and what with.
  std::optional<Credentials> second_chance(const http::Request& request,
                                           const http::Response& response, const Credentials& used);
  Result<http::Response> exchange(http::Request& request, const Send& send);
  Result<http::Response> exchange(http::Request& request);
  Result<http::Response> call(http::Request request);
  Result<std::optional<S3Error>> attempt(http::Request request);

  http::Client& http_;
  S3Options options_;
  const Clock& clock_;
  S3Requests requests_;
  mutable Mutex mutex_;
  std::string region_ SK_GUARDED_BY(mutex_);  ///< as configured, or as the store has corrected it
  std::optional<ServerTime> server_time_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper::aws
