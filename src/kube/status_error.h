#pragma once

#include "base/result.h"
#include "http/client.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace stagekeeper::kube {

/// Turns an answer that is not 2xx into an Error: the one place where statuses become codes.
///
/// NotFound 404 · AlreadyExists 409 with reason AlreadyExists · FieldConflict 409 with
/// a cause FieldManagerConflict · Conflict other 409 · Gone 410, and
/// 5xx for a resourceVersion that the server has not reached (list again) · TooLarge 5xx for a list
/// beyond what etcd hands over at once · Denied 401 403 · Throttled 429, and 503 with Retry-After ·
/// Unavailable other 5xx, 408 and 1xx · Invalid everything else, redirects among them.
///
/// `body` may be a metav1.Status or anything at all. The text is "what: message" within 1 kB, with
/// the server's message or, for a conflict of server-side apply, the other field managers and their
/// fields. retry_after comes from Retry-After, else from Status.details.retryAfterSeconds, and is
/// at most one hour.
Error status_error(std::string_view what, int status, std::string_view body,
                   const http::Headers& headers);

/// Reads Retry-After: seconds, or an HTTP date relative to the answer's own Date header (the two
/// clocks are the same one). Nothing when absent or unreadable.
std::optional<std::chrono::milliseconds> retry_after(const http::Headers& headers);

}  // namespace stagekeeper::kube
