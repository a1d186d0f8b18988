#include "aws/sigv4.h"

#include "base/crypto.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

namespace stagekeeper::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What a percent-encoded text says. A stray '%' stands for itself.
std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    parameters.emplace_back(uri_encode(percent_decode(part.substr(0, equals)), false),
                            uri_encode(percent_decode(value), false));
  }
  // By encoded name, then by encoded value: the order of the encoded bytes, not of the text.
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

/// Without white space at the ends, and runs of spaces within made one.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

/// Lower-case names in order, with trimmed values. Authorization is the signature's own place.
std::vector<std::pair<std::string, std::string>> canonical_headers(const http::Headers& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : headers) {
    std::string key = lower_ascii(name);
    if (key != "authorization") out.emplace_back(std::move(key), trimmed(value));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string signed_names(const http::Headers& headers) {
  std::string out;
  for (const auto& [name, value] : canonical_headers(headers)) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

/// 20150830T123600Z out of 2015-08-30T12:36:00Z.
std::string basic_time(TimePoint time) {
  std::string text = format_time(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string scope_text(const SigningScope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", basic_time(scope.time).substr(0, 8), scope.region,
                     scope.service);
}

}  // namespace

std::string uri_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xFU];
  }
  return out;
}

std::string canonical_request(const http::Request& request, std::string_view payload_hash) {
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(mark + 1, target.size()));
  std::string out = request.method + '\n';
  out += uri_encode(percent_decode(target.substr(0, mark)), true) + '\n';
  out += canonical_query(query) + '\n';
  for (const auto& [name, value] : canonical_headers(request.headers)) {
    out += name;
    out += ':';
    out += value;
    out += '\n';
  }
  out += '\n' + signed_names(request.headers) + '\n';
  out += payload_hash;
  return out;
}

std::string string_to_sign(std::string_view canonical, const SigningScope& scope) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, basic_time(scope.time), scope_text(scope),
                     sha256_hex(canonical));
}

void sign(http::Request& request, const Credentials& credentials, const SigningScope& scope,
          std::string_view payload_hash) {
  request.headers.erase("Authorization");
  request.headers.insert_or_assign("x-amz-date", basic_time(scope.time));
  if (!credentials.session_token.empty()) {
    request.headers.insert_or_assign("x-amz-security-token", credentials.session_token.reveal());
  }
  const std::string text = string_to_sign(canonical_request(request, payload_hash), scope);
  const std::string day = basic_time(scope.time).substr(0, 8);
  std::string key = hmac_sha256("AWS4" + credentials.secret_access_key.reveal(), day);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = hmac_sha256(key, part);
  }
  request.headers.insert_or_assign(
      "Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                   kAlgorithm, credentials.access_key_id, scope_text(scope),
                                   signed_names(request.headers), hex(hmac_sha256(key, text))));
}

}  // namespace stagekeeper::aws
