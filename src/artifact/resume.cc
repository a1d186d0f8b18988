#include "artifact/resume.h"

#include "base/numbers.h"

#include <fmt/format.h>

namespace stagekeeper::artifact {
namespace {

constexpr std::size_t kMaxEtagBytes = 256;

/// A weak tag is no promise that the bytes are the same, and one that is too long is not kept.
bool is_strong(std::string_view etag) {
  return etag.size() > 2 && etag.size() <= kMaxEtagBytes && etag.front() == '"' &&
         etag.back() == '"';
}

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

/// "bytes 5-9/10".
std::optional<ContentRange> parse_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = whole_number<std::uint64_t>(text.substr(0, dash));
  const auto last = whole_number<std::uint64_t>(text.substr(dash + 1, slash - dash - 1));
  const auto size = whole_number<std::uint64_t>(text.substr(slash + 1));
  if (!first || !last || !size || *last < *first || *last + 1 != *size) return std::nullopt;
  return ContentRange{.first = *first, .size = *size};
}

}  // namespace

std::string range_header(const ReadFrom& from) {
  return from.offset == 0 ? std::string() : fmt::format("bytes={}-", from.offset);
}

Result<AnswerBody> read_answer(const ReadFrom& from, const AnswerHead& head) {
  AnswerBody out;
  if (is_strong(head.etag)) out.etag = head.etag;
  if (from.offset > 0 && out.etag != from.etag) {
    return fail(ErrorCode::kConflict,
                "the object changed while it was read: its ETag is another one");
  }
  if (head.status == 200) {
    out.skip_bytes = from.offset;
    out.size_bytes = whole_number<std::uint64_t>(head.content_length);
    return out;
  }
  const std::optional<ContentRange> range = parse_range(head.content_range);
  if (head.status != 206 || from.offset == 0 || !range || range->first != from.offset) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the answer {} does not begin at byte {}", head.status, from.offset));
  }
  out.size_bytes = range->size;
  return out;
}

}  // namespace stagekeeper::artifact
