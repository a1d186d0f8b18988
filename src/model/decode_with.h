#pragma once

#include "base/result.h"
#include "model/decode.h"
#include "model/json_reader.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <string_view>

// Only for the decoders of this folder.
namespace stagekeeper::detail {

/// Parses once per call with a parser of this thread, and hands the root to `read`. What the reader
/// returns owns its strings: nothing points into the parser's buffer afterwards.
template <typename T, typename Read>
Result<T> decode_with(std::string_view json, std::string_view kind, const Read& read) {
  if (json.size() > kMaxObjectBytes) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("decode {}: {} bytes is too large", kind, json.size()));
  }
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root);
      error != simdjson::SUCCESS) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("decode {}: {}", kind, simdjson::error_message(error)));
  }
  const JsonReader object(root);
  Problems problems;
  T out;
  out.meta = detail::read_meta(object);
  problems.require(!out.meta.name.empty() && !out.meta.uid.empty(),
                   "metadata.name or uid is missing");
  read(object, out, problems);
  if (!problems.first().empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("decode {} {}/{}: {}", kind, out.meta.ns,
                                                 out.meta.name, problems.first()));
  }
  return out;
}

}  // namespace stagekeeper::detail
