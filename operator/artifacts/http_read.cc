#include "operator/artifacts/http_read.h"

#include <algorithm>

namespace stagekeeper::artifacts {

http::HeadSink HttpRead::on_head() {
  return [this](const http::Response& head) {
    const Result<artifact::AnswerBody> body = artifact::read_answer(
        from_, {.status = head.status,
                .etag = http::header_value(head.headers, "ETag"),
                .content_length = http::header_value(head.headers, "Content-Length"),
                .content_range = http::header_value(head.headers, "Content-Range")});
    if (!body) {
      wrong_ = body.error();
      return false;
    }
    skip_bytes_ = body->skip_bytes;
    begun_(*body);
    return true;
  };
}

http::BodySink HttpRead::body_sink() {
  return [this](std::string_view piece) {
    const auto skipped = std::min<std::uint64_t>(skip_bytes_, piece.size());
    skip_bytes_ -= skipped;
    piece.remove_prefix(static_cast<std::size_t>(skipped));
    return piece.empty() || sink_(piece);
  };
}

Status HttpRead::outcome(Status ended) const {
  if (wrong_) return tl::unexpected(*wrong_);
  return ended;
}

}  // namespace stagekeeper::artifacts
