#include "operator/gate/objects.h"

#include "aws/s3_address.h"
#include "aws/s3_client.h"
#include "base/clock.h"
#include "http/cpprest_client.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <utility>

namespace stagekeeper::gate {
namespace {

constexpr std::string_view kS3 = "s3://";
constexpr std::string_view kFile = "file://";
constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;

Status read_file(const std::string& path, const http::BodySink& sink) {
  std::error_code error;
  // Not a device, a pipe or a directory, any of which could block or never end.
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(ErrorCode::kNotFound, fmt::format("{} is no regular file", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, fmt::format("cannot open {}", path));
  std::string piece(kPieceBytes, '\0');
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    if (count > 0 && !sink(std::string_view(piece).substr(0, count))) return {};
  }
  if (in.bad()) return fail(ErrorCode::kUnavailable, fmt::format("cannot read {}", path));
  return {};
}

class StoreSource final : public ObjectSource {
 public:
  explicit StoreSource(StoreOptions store) : store_(std::move(store)) {}

  Status read(const std::string& uri, const http::BodySink& sink) override {
    if (uri.starts_with(kFile)) return read_file(uri.substr(kFile.size()), sink);
    SK_TRY(const S3Location location, parse_s3_uri(uri));
    return read_s3(location, sink);
  }

 private:
  Status read_s3(const S3Location& location, const http::BodySink& sink) {
    if (store_.endpoint.empty() || !store_.credentials)
      return fail(ErrorCode::kInvalid, "s3:// needs S3_ENDPOINT and credentials");
    if (!keys_) {
      SK_TRY(keys_, store_.credentials());
    }
    SK_TRY(const aws::S3Address address,
           aws::s3_address(store_.endpoint, location.bucket, aws::S3Addressing::kAuto));
    http::ClientOptions options;
    options.origin = address.origin;
    options.ca_pem = store_.ca_pem;
    options.user_agent = "stagekeeper-gate";
    SK_TRY(std::unique_ptr<http::Client> client, http::make_client(options));
    const SystemClock clock;
    return aws::S3Client(*client,
                         {.host = address.host,
                          .region = store_.region,
                          .bucket = location.bucket,
                          .bucket_in = address.bucket_in,
                          .source = keys_},
                         clock)
        .stream(location.key, {}, sink, {});
  }

  StoreOptions store_;
  std::shared_ptr<aws::CredentialSource> keys_;  ///< the same for every object and attempt
};

}  // namespace

Result<S3Location> parse_s3_uri(std::string_view uri) {
  const std::string_view rest = uri.starts_with(kS3) ? uri.substr(kS3.size()) : "";
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: write s3://BUCKET/KEY or file:///PATH", uri.substr(0, 200)));
  }
  return S3Location{.bucket = std::string(rest.substr(0, slash)),
                    .key = std::string(rest.substr(slash + 1))};
}

std::unique_ptr<ObjectSource> make_object_source(StoreOptions store) {
  return std::make_unique<StoreSource>(std::move(store));
}

}  // namespace stagekeeper::gate
