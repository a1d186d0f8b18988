#pragma once

#include "base/result.h"
#include "model/json_reader.h"

#include <functional>
#include <string>
#include <string_view>

// Only for the decoders of this folder.
namespace stagekeeper::detail {

/// Parses with a parser of this thread and hands the root to `read`, which returns what is wrong
/// with it, or nothing. `meta` is filled first. Nothing may point into the parser's buffer
/// afterwards.
Status parse_object(std::string_view json, std::string_view kind, ObjectMeta& meta,
                    const std::function<std::string(const JsonReader&)>& read);

/// Decodes one object of type T, whose remaining fields `read(object, out)` fills.
template <typename T, typename Read>
Result<T> decode_with(std::string_view json, std::string_view kind, const Read& read) {
  T out;
  SK_CHECK_OK(parse_object(json, kind, out.meta, [&](const JsonReader& object) {
    read(object, out);
    return std::string();
  }));
  return out;
}

}  // namespace stagekeeper::detail
