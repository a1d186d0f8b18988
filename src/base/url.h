#pragma once

#include <string>
#include <string_view>

namespace stagekeeper {

/// Which characters percent_encode leaves as they are.
enum class Keep {
  kUnreserved,          ///< RFC 3986's letters, digits and -._~: a path segment or a query's value
  kUnreservedAndSlash,  ///< and '/': a whole path, or an object's key
};

/// Every other byte as %XX with upper-case digits, as SigV4 and the API server read it.
std::string percent_encode(std::string_view text, Keep keep = Keep::kUnreserved);

/// %XX as bytes; '+' and a '%' without two hex digits stay as they are.
std::string percent_decode(std::string_view text);

}  // namespace stagekeeper
