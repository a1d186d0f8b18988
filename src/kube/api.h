#pragma once

#include "base/result.h"
#include "kube/request.h"

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace stagekeeper::kube {

/// Takes one watch event (a line of JSON without its newline); false ends the watch.
using LineSink = std::function<bool(std::string_view line)>;

/// Port to the API server. Implementations are thread-safe.
///
/// Errors (mapped from the answer's status and its metav1.Status body in one place):
/// NotFound 404 · AlreadyExists 409 reason AlreadyExists · FieldConflict 409 with a
/// cause FieldManagerConflict · Conflict other 409 · Gone 410 and 5xx
/// for a resourceVersion that the server has not reached · Denied 401 403 · Invalid 400 405 413 415
/// 422 · TooLarge for an answer above our limit or etcd's · Throttled 429 (and 503 with
/// Retry-After), with retry_after · Unavailable everything between us and the server, and other 5xx
/// · Cancelled. The text names the verb, the object and the server's own message (bounded); a
/// field-manager conflict names the manager.
class Api {
 public:
  Api() = default;
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  Api(Api&&) = delete;
  Api& operator=(Api&&) = delete;
  virtual ~Api() = default;

  /// Sends one request and returns the body of the 2xx answer.
  virtual Result<std::string> call(const Request& request) = 0;

  /// Runs one watch until the server ends it (success), the sink says stop (success), or it breaks.
  /// Lines are handed over one at a time; a partial last line is dropped.
  virtual Status watch(const Request& request, const LineSink& sink, std::stop_token stop) = 0;
};

}  // namespace stagekeeper::kube
