#pragma once

#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// Text of a server made fit for a message that people read: on one line, cut at 300 bytes, and
/// without anything that may be a key. A server can send back what it was given, so runs of 40 and
/// more characters of base64 (its URL form, too) become "[…]": AWS's secret keys have 40, and
/// tokens far more. `secret` is taken out before, whatever it looks like; empty: nothing is.
std::string server_text(std::string_view text, std::string_view secret = {});

}  // namespace stagekeeper::aws
