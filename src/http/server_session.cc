#include "http/server_session.h"

#include "http/client.h"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <optional>

namespace stagekeeper::http {
namespace {

constexpr std::size_t kMaxOutBytes = std::size_t{256} << 10U;
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

const char* phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

/// The request line and what the headers say about the connection.
struct Head {
  std::string_view method;
  std::string_view target;
  bool has_body = false;
  bool keep_alive = true;
};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool same_name(std::string_view a, std::string_view b) {
  const HeaderLess less;
  return !less(a, b) && !less(b, a);
}

/// False for a line that is no header.
bool read_header(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_name(name, "Transfer-Encoding")) head.has_body = true;
  if (same_name(name, "Content-Length") && value != "0") head.has_body = true;
  if (same_name(name, "Connection")) head.keep_alive = !same_name(value, "close");
  return true;
}

std::optional<Head> read_head(std::string_view text) {
  Head head;
  const std::string_view line = text.substr(0, text.find(kLineEnd));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
  if (!head.target.starts_with('/') || head.target.find(' ') != std::string_view::npos)
    return std::nullopt;
  head.keep_alive = version == "HTTP/1.1";
  for (std::size_t pos = line.size() + kLineEnd.size(); pos < text.size();) {
    const std::size_t end = std::min(text.find(kLineEnd, pos), text.size());
    if (!read_header(text.substr(pos, end - pos), head)) return std::nullopt;
    pos = end + kLineEnd.size();
  }
  return head;
}

}  // namespace

void ServerSession::feed(std::string_view bytes) {
  while (!closing_) {
    const std::size_t room = kMaxHeadBytes - in_.size();
    in_ += bytes.substr(0, room);
    bytes.remove_prefix(std::min(room, bytes.size()));
    const std::size_t end = in_.find(kHeadEnd);
    if (end == std::string::npos) {
      if (in_.size() == kMaxHeadBytes) refuse(431, "header block too long\n");
      return;
    }
    const std::string head = in_.substr(0, end);
    in_.erase(0, end + kHeadEnd.size());
    serve(head);
    // Whoever asks on without taking the answers is not served for ever.
    if (out_.size() > kMaxOutBytes) closing_ = true;
    if (in_.empty() && bytes.empty()) return;
  }
}

void ServerSession::serve(std::string_view text) {
  const std::optional<Head> head = read_head(text);
  if (!head) return refuse(400, "not a request\n");
  // Nobody who probes sends one; whoever does could fill the memory with it.
  if (head->has_body) return refuse(413, "a body is not read\n");
  closing_ = !head->keep_alive;
  if (head->method != "GET") return answer({.status = 405, .body = "only GET is served\n"});
  if (head->target.size() > kMaxTargetBytes)
    return answer({.status = 414, .body = "target too long\n"});
  answer(handle(head->target));
}

ServerResponse ServerSession::handle(std::string_view target) const {
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  try {
    return handler_({.path = std::string(target.substr(0, question)), .query = std::string(query)});
  } catch (const std::exception&) {
    return {.status = 500, .body = "the handler failed\n"};
  }
}

void ServerSession::answer(const ServerResponse& response) {
  out_ += fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}",
                      response.status, phrase(response.status), response.content_type,
                      response.body.size(), closing_ ? "Connection: close\r\n" : "", response.body);
}

void ServerSession::refuse(int status, const char* why) {
  closing_ = true;
  in_.clear();
  answer({.status = status, .body = why});
}

}  // namespace stagekeeper::http
