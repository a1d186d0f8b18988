#include "operator/artifacts/stores.h"

#include "aws/s3_address.h"
#include "aws/s3_client.h"
#include "base/files.h"
#include "base/text.h"
#include "base/url.h"
#include "http/cpprest_client.h"
#include "operator/artifacts/file_source.h"
#include "operator/artifacts/http_read.h"

#include <fmt/format.h>
#include <map>
#include <utility>

namespace stagekeeper::artifacts {
namespace {

using artifact::Location;
using artifact::Scheme;

constexpr std::size_t kMaxCaBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxShown = 200;

/// What a server that is no store answers, as far as somebody can act on it.
Error refusal(const http::Response& answer) {
  const std::string says = fmt::format("the server answered {}", answer.status);
  const auto error = [&](ErrorCode code, const char* advice) {
    return Error{.code = code, .message = says + advice};
  };
  switch (answer.status) {
    case 401:
    case 403:
      return error(ErrorCode::kDenied, "; https:// is read without credentials");
    case 404:
    case 410:
      return error(ErrorCode::kNotFound, "");
    case 412:
    case 416:
      return error(ErrorCode::kConflict, ": the object changed while it was read");
    case 429:
      return error(ErrorCode::kThrottled, "");
    default:
      break;
  }
  if (answer.status >= 300 && answer.status < 400) {
    return {.code = ErrorCode::kInvalid,
            .message = fmt::format(
                "{}, a redirect to {}, which is not followed; name the address "
                "where the object lies",
                says, printable(http::header_value(answer.headers, "Location"), kMaxShown))};
  }
  return error(answer.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalid, "");
}

/// Objects of S3 buckets; one connection pool a bucket.
class S3Source final : public ObjectSource {
 public:
  explicit S3Source(const StoreOptions& options) : options_(options) {}

  Status read(const Location& object, const artifact::ReadFrom& from, const Begun& begun,
              const http::BodySink& sink) override {
    SK_TRY(aws::S3Client* const client, client_of(object.authority));
    HttpRead part(from, begun, sink);
    return part.outcome(client->stream(
        object.path,
        {.range = artifact::range_header(from), .if_match = from.etag, .on_head = part.on_head()},
        part.body_sink(), {}));
  }

  Result<std::optional<std::vector<artifact::Listed>>> list(const Location& folder) override {
    SK_TRY(aws::S3Client* const client, client_of(folder.authority));
    std::vector<artifact::Listed> out;
    std::string token;
    do {
      SK_TRY(aws::ObjectPage page, client->list_objects(folder.path, token));
      for (aws::ObjectEntry& entry : page.entries) {
        if (!entry.key.starts_with(folder.path))
          return fail(ErrorCode::kUnavailable, "a listing shows objects of another folder");
        std::string path = entry.key.substr(folder.path.size());
        // What a console creates as a "folder" is an object without bytes and name.
        if (path.empty() && entry.size_bytes == 0) continue;
        if (out.size() > artifact::kMaxFiles) {
          return fail(ErrorCode::kTooLarge,
                      fmt::format("more than {} objects in the folder", artifact::kMaxFiles));
        }
        out.push_back({.path = std::move(path), .size_bytes = entry.size_bytes});
      }
      token = std::move(page.next);
    } while (!token.empty());
    return out;
  }

 private:
  struct Bucket {
    std::unique_ptr<http::Client> http;
    std::unique_ptr<aws::S3Client> client;
  };

  Result<aws::S3Client*> client_of(const std::string& bucket) {
    const auto found = buckets_.find(bucket);
    if (found != buckets_.end()) return found->second.client.get();
    if (options_.endpoint.empty() || !options_.credentials)
      return fail(ErrorCode::kInvalid, "s3:// needs S3_ENDPOINT and credentials");
    if (!keys_) {
      SK_TRY(keys_, options_.credentials());
    }
    SK_TRY(const aws::S3Address address,
           aws::s3_address(options_.endpoint, bucket, aws::S3Addressing::kAuto));
    http::ClientOptions client;
    client.origin = address.origin;
    client.ca_pem = options_.ca_pem;
    client.user_agent = options_.user_agent;
    Bucket made;
    SK_TRY(made.http, http::make_client(client));
    made.client = std::make_unique<aws::S3Client>(*made.http,
                                                  aws::S3Options{.host = address.host,
                                                                 .region = options_.region,
                                                                 .bucket = bucket,
                                                                 .bucket_in = address.bucket_in,
                                                                 .source = keys_},
                                                  clock_);
    return buckets_.emplace(bucket, std::move(made)).first->second.client.get();
  }

  const StoreOptions& options_;
  const SystemClock clock_;
  std::shared_ptr<aws::CredentialSource> keys_;  ///< the same for every object and attempt
  std::map<std::string, Bucket> buckets_;
};

/// Objects of web servers, without credentials.
class HttpsSource final : public ObjectSource {
 public:
  explicit HttpsSource(const StoreOptions& options) : options_(options) {}

  Status read(const Location& object, const artifact::ReadFrom& from, const Begun& begun,
              const http::BodySink& sink) override {
    SK_TRY(http::Client* const client, client_of(object.authority));
    HttpRead part(from, begun, sink);
    http::Request request{.method = "GET",
                          .target = "/" + percent_encode(object.path, Keep::kUnreservedAndSlash)};
    if (from.offset > 0) {
      request.headers = {{"Range", artifact::range_header(from)}, {"If-Match", from.etag}};
    }
    request.on_head = part.on_head();
    const Result<http::Response> answer = client->stream(request, part.body_sink(), {});
    if (answer && (answer->status < 200 || answer->status > 299))
      return tl::unexpected(refusal(*answer));
    return part.outcome(answer ? Status() : Status(tl::unexpected(answer.error())));
  }

  Result<std::optional<std::vector<artifact::Listed>>> list(const Location& /*folder*/) override {
    return std::nullopt;
  }

 private:
  Result<http::Client*> client_of(const std::string& authority) {
    const auto found = clients_.find(authority);
    if (found != clients_.end()) return found->second.get();
    http::ClientOptions client;
    client.origin = "https://" + authority;
    client.ca_pem = options_.https_ca_pem;
    client.user_agent = options_.user_agent;
    SK_TRY(std::unique_ptr<http::Client> made, http::make_client(client));
    return clients_.emplace(authority, std::move(made)).first->second.get();
  }

  const StoreOptions& options_;
  std::map<std::string, std::unique_ptr<http::Client>> clients_;
};

/// By the scheme.
class AnySource final : public ObjectSource {
 public:
  explicit AnySource(StoreOptions options)
      : options_(std::move(options)), s3_(options_), https_(options_), files_(options_.file_root) {}

  Status read(const Location& object, const artifact::ReadFrom& from, const Begun& begun,
              const http::BodySink& sink) override {
    return source_of(object).read(object, from, begun, sink);
  }

  Result<std::optional<std::vector<artifact::Listed>>> list(const Location& folder) override {
    return source_of(folder).list(folder);
  }

 private:
  ObjectSource& source_of(const Location& location) {
    if (location.scheme == Scheme::kS3) return s3_;
    if (location.scheme == Scheme::kHttps) return https_;
    return files_;
  }

  const StoreOptions options_;
  S3Source s3_;
  HttpsSource https_;
  FileSource files_;
};

Result<std::string> ca_file(const aws::Environment& environment, const char* variable) {
  const std::string path = environment(variable);
  if (path.empty()) return std::string();
  Result<std::string> pem = read_file(path, kMaxCaBytes);
  if (!pem) return fail(pem.error(), variable);
  return pem;
}

}  // namespace

Result<StoreOptions> options_from(const aws::Environment& environment, const Clock& clock,
                                  const std::string& user_agent) {
  StoreOptions out{.endpoint = environment("S3_ENDPOINT"), .user_agent = user_agent};
  if (const std::string region = environment("S3_REGION"); !region.empty()) out.region = region;
  if (const std::string root = environment("FILE_ROOT"); !root.empty()) out.file_root = root;
  SK_TRY(out.ca_pem, ca_file(environment, "S3_CA_FILE"));
  SK_TRY(out.https_ca_pem, ca_file(environment, "HTTPS_CA_FILE"));
  if (out.https_ca_pem.empty()) out.https_ca_pem = out.ca_pem;
  out.credentials = [environment, &clock, region = out.region, user_agent] {
    return aws::choose_credentials({.region = region, .user_agent = user_agent}, environment,
                                   clock);
  };
  return out;
}

std::unique_ptr<ObjectSource> make_source(StoreOptions options) {
  return std::make_unique<AnySource>(std::move(options));
}

}  // namespace stagekeeper::artifacts
