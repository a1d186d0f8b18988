#include "aws/server_text.h"

#include "base/text.h"

#include <algorithm>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMaxBytes = 300;
constexpr std::size_t kShortestKey = 40;
constexpr std::string_view kHidden = "[…]";

bool of_base64(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/' || c == '-' || c == '_' || c == '=';
}

std::string without(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (std::size_t at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + kHidden.size())) {
    text.replace(at, secret.size(), kHidden);
  }
  return text;
}

}  // namespace

std::string server_text(std::string_view text, std::string_view secret) {
  const std::string known_gone = without(std::string(text), secret);
  std::string out;
  for (auto at = known_gone.begin(); at != known_gone.end();) {
    const auto end = std::find_if_not(at, known_gone.end(), of_base64);
    if (end - at >= static_cast<std::ptrdiff_t>(kShortestKey)) {
      out += kHidden;
    } else {
      out.append(at, end);
    }
    at = end;
    if (at != known_gone.end()) out += *at++;
  }
  return printable(out, kMaxBytes);
}

}  // namespace stagekeeper::aws
