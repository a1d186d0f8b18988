#include "http/origin.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace stagekeeper::http {
namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::size_t kMaxHostBytes = 253;

bool is_address_of(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> unused{};
  return inet_pton(family, host.c_str(), unused.data()) == 1;
}

bool is_host_name(std::string_view host) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-._";
  return !host.empty() && host.size() <= kMaxHostBytes &&
         host.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc() && end == text.data() + text.size() && port != 0;
}

/// Takes "[v6]" or a name off the front of `rest`; what stays is empty or ":port".
bool read_host(std::string_view& rest, Origin& out) {
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return false;
    out.host = lower(rest.substr(1, close - 1));
    out.is_address = true;
    rest.remove_prefix(close + 1);
    return is_address_of(AF_INET6, out.host);
  }
  const std::size_t end = std::min(rest.find(':'), rest.size());
  out.host = lower(rest.substr(0, end));
  out.is_address = is_address_of(AF_INET, out.host);
  rest.remove_prefix(end);
  return is_host_name(out.host);
}

}  // namespace

std::string Origin::str() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Origin::url() const {
  return fmt::format("{}://{}", tls ? "https" : "http", str());
}

std::string Origin::host_header() const {
  const bool v6 = host.find(':') != std::string::npos;
  if (v6) return fmt::format("{}:{}", host, port);
  return port == (tls ? kHttpsPort : kHttpPort) ? host : fmt::format("{}:{}", host, port);
}

bool Origin::is_loopback() const {
  return host == "localhost" || host == "::1" || (is_address && host.starts_with("127."));
}

Result<Origin> parse_origin(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalid,
                fmt::format("not an origin: '{}'; write https://host:port", text.substr(0, 100)));
  };
  Origin out;
  std::string_view rest = text;
  const std::size_t scheme_end = rest.find("://");
  if (scheme_end == std::string_view::npos) return bad();
  const std::string scheme = lower(rest.substr(0, scheme_end));
  if (scheme != "https" && scheme != "http") return bad();
  out.tls = scheme == "https";
  rest.remove_prefix(scheme_end + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  out.port = out.tls ? kHttpsPort : kHttpPort;
  if (!read_host(rest, out)) return bad();
  if (rest.empty()) return out;
  if (!rest.starts_with(':') || !read_port(rest.substr(1), out.port)) return bad();
  return out;
}

}  // namespace stagekeeper::http
