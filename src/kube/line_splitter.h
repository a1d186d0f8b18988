#pragma once

#include "base/result.h"
#include "kube/api.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace stagekeeper::kube {

/// Cuts a byte stream into lines at '\n', however the pieces fall. Empty lines are dropped. One
/// stream per object; not thread-safe.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  /// Hands every line that `piece` completes to `sink`, without its newline; the view is valid
  /// during the call only. Returns false when the sink returned false: feed no more then.
  /// Errors: Invalid for a line longer than the limit, complete or not.
  Result<bool> feed(std::string_view piece, const LineSink& sink);

 private:
  const std::size_t max_line_bytes_;
  std::string rest_;  ///< the beginning of a line whose end has not come yet
};

}  // namespace stagekeeper::kube
