#pragma once

#include "base/result.h"

#include <string>
#include <utility>

namespace stagekeeper::gates {

/// Why something could not be measured or believed: a stable CamelCase code for status and records,
/// and a sentence that says what was seen and what to do. Never holds row data.
struct [[nodiscard]] Reason {
  std::string code;
  std::string message;
};

/// SK_TRY and SK_CHECK_OK pass a Reason on as they do an Error.
template <typename T>
using Reasoned = tl::expected<T, Reason>;

/// Builds the error side: `return because("OneClass", "...")`.
inline tl::unexpected<Reason> because(std::string code, std::string message) {
  return tl::unexpected<Reason>(Reason{std::move(code), std::move(message)});
}

}  // namespace stagekeeper::gates
