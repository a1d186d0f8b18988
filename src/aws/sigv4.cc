#include "aws/sigv4.h"

#include "base/crypto.h"
#include "base/text.h"
#include "base/url.h"

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

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    parameters.emplace_back(percent_encode(percent_decode(part.substr(0, equals))),
                            percent_encode(percent_decode(value)));
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

std::string canonical_request(const http::Request& request, std::string_view payload_hash) {
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(mark + 1, target.size()));
  std::string out = request.method + '\n';
  out += percent_encode(percent_decode(target.substr(0, mark)), Keep::kUnreservedAndSlash) + '\n';
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
