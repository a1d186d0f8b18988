#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool is_utf8(std::string_view bytes);

/// At most `max_bytes` of the text, cut between characters.
std::string_view cut_utf8(std::string_view text, std::size_t max_bytes);

/// Text from outside made fit for a message: control characters and bytes that are no UTF-8 become
/// '?', and it is cut at `max_bytes`.
std::string printable(std::string_view text, std::size_t max_bytes);

}  // namespace stagekeeper::gates
