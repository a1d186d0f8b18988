#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How a read over HTTP goes on after its connection broke (RFC 9110 §13, §14). Pure.
namespace stagekeeper::artifact {

/// Where a read begins.
struct ReadFrom {
  std::uint64_t offset = 0;  ///< bytes that are there already
  std::string etag = {};     ///< of the object they came from; never empty beyond offset 0
};

/// The headers of a 2xx answer that matter.
struct AnswerHead {
  int status = 200;
  std::string_view etag = {};
  std::string_view content_length = {};
  std::string_view content_range = {};
};

/// What the bytes of an answer are.
struct AnswerBody {
  std::uint64_t skip_bytes = 0;             ///< of the answer, which repeats what is there
  std::optional<std::uint64_t> size_bytes;  ///< of the whole object, where the answer tells it
  std::string etag;                         ///< by which a later read can go on; empty: by nothing
};

/// The value of the header Range: everything from there on; empty at the beginning.
std::string range_header(const ReadFrom& from);

/// Takes an answer to a request with Range and If-Match, or without either at the beginning. A
/// server that ignores Range is read again from its first byte, and what is there is skipped.
/// Errors: Conflict when the object is another one by now; Unavailable when the answer is not the
/// one asked for.
Result<AnswerBody> read_answer(const ReadFrom& from, const AnswerHead& head);

}  // namespace stagekeeper::artifact
