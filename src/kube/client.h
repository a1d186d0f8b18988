#pragma once

#include "base/mutex.h"
#include "http/client.h"
#include "kube/api.h"
#include "kube/token_source.h"

#include <memory>
#include <string>

namespace stagekeeper::kube {

/// What an ApiClient is made of.
struct ApiParts {
  std::unique_ptr<http::Client> calls;  ///< idle timeout 30 s
  /// For Request::large_answer: with a larger limit, because some servers page by no limit at all.
  /// One such call at a time, so that the memory stays bounded. Null: `calls` do it.
  std::unique_ptr<http::Client> large = {};
  std::unique_ptr<http::Client> watches;  ///< idle timeout above the 60 s between bookmarks
  std::unique_ptr<TokenSource> tokens;
  std::string path_prefix;  ///< of the server's URL, "" or "/k8s/clusters/c-1"
};

/// The API server over HTTP. Thread-safe.
///
/// A 401 makes the token be read again and, when it has changed, the request be sent once more.
/// Nothing else is retried here: that is the work queue's and the watch loop's business, which know
/// what is idempotent.
class ApiClient final : public Api {
 public:
  /// A longer watch event ends the watch with Invalid. etcd refuses objects above 1.5 MiB.
  static constexpr std::size_t kMaxLineBytes = std::size_t{8} << 20U;

  explicit ApiClient(ApiParts parts);

  Result<std::string> call(const Request& request) override;
  Status watch(const Request& request, const LineSink& sink, std::stop_token stop) override;

 private:
  Result<http::Response> send(const Request& request);
  Result<http::Response> with_token(
      const Request& request,
      const std::function<Result<http::Response>(const http::Request&)>& send);

  const ApiParts parts_;
  Mutex large_mutex_;  ///< held during a call whose answer may be large
};

}  // namespace stagekeeper::kube
