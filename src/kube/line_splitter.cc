#include "kube/line_splitter.h"

#include <fmt/format.h>

namespace stagekeeper::kube {

Result<bool> LineSplitter::feed(std::string_view piece, const LineSink& sink) {
  while (!piece.empty()) {
    const std::size_t newline = piece.find('\n');
    const std::string_view part = piece.substr(0, newline);
    if (part.size() > max_line_bytes_ - rest_.size()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("a line is longer than {} bytes", max_line_bytes_));
    }
    if (newline == std::string_view::npos) {
      rest_ += part;
      return true;
    }
    piece.remove_prefix(newline + 1);
    bool more = true;
    if (rest_.empty()) {
      more = part.empty() || sink(part);
    } else {
      rest_ += part;
      more = sink(rest_);
      rest_.clear();
    }
    if (!more) return false;
  }
  return true;
}

}  // namespace stagekeeper::kube
