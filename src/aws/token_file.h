#pragma once

#include "aws/credentials.h"
#include "base/result.h"

#include <string>

namespace stagekeeper::aws {

enum class TokenForm {
  kOneWord,  ///< a JWT
  kOneLine,  ///< a whole header's value, such as "Basic abc"
};

/// A token in a file that somebody else replaces: printable ASCII, at most 64 KiB, white space
/// around it dropped. Errors: NotFound, Invalid, Unavailable; they name the file and quote nothing
/// of it.
Result<Secret> read_token_file(const std::string& path, TokenForm form);

}  // namespace stagekeeper::aws
