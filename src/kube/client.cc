#include "kube/client.h"

#include "kube/line_splitter.h"
#include "kube/status_error.h"

#include <optional>
#include <utility>

namespace stagekeeper::kube {
namespace {

constexpr int kUnauthorized = 401;

http::Request to_http(const Request& request, const std::string& prefix, const std::string& token) {
  http::Request out{.method = request.method,
                    .target = prefix + request.target,
                    .headers = {{"Accept", "application/json"}},
                    .body = request.body};
  if (!request.content_type.empty()) out.headers["Content-Type"] = request.content_type;
  if (!token.empty()) out.headers["Authorization"] = "Bearer " + token;
  return out;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

}  // namespace

ApiClient::ApiClient(ApiParts parts) : parts_(std::move(parts)) {}

Result<std::string> ApiClient::call(const Request& request) {
  Result<http::Response> answer = send(request);
  if (!answer) return fail(std::move(answer.error()), describe(request));
  if (!is_success(answer->status)) {
    return tl::unexpected(
        status_error(describe(request), answer->status, answer->body, answer->headers));
  }
  return std::move(answer->body);
}

Result<http::Response> ApiClient::send(const Request& request) {
  if (!request.large_answer || parts_.large == nullptr)
    return with_token(request, [this](const http::Request& r) { return parts_.calls->send(r); });
  const MutexLock lock(large_mutex_);
  return with_token(request, [this](const http::Request& r) { return parts_.large->send(r); });
}

Status ApiClient::watch(const Request& request, const LineSink& sink, std::stop_token stop) {
  LineSplitter lines(kMaxLineBytes);
  std::optional<Error> broken;
  const http::BodySink pieces = [&](std::string_view piece) {
    const Result<bool> more = lines.feed(piece, sink);
    if (!more) broken = more.error();
    return more && *more;
  };
  Result<http::Response> answer = with_token(
      request, [&](const http::Request& r) { return parts_.watches->stream(r, pieces, stop); });
  if (broken) return fail(std::move(*broken), describe(request));
  if (!answer) return fail(std::move(answer.error()), describe(request));
  if (!is_success(answer->status)) {
    return tl::unexpected(
        status_error(describe(request), answer->status, answer->body, answer->headers));
  }
  return {};
}

Result<http::Response> ApiClient::with_token(
    const Request& request,
    const std::function<Result<http::Response>(const http::Request&)>& send) {
  if (!request.target.starts_with("/api"))
    return fail(ErrorCode::kInvalid, "no usable object name or namespace");
  SK_TRY(std::string token, parts_.tokens->token());
  Result<http::Response> answer = send(to_http(request, parts_.path_prefix, token));
  if (!answer || answer->status != kUnauthorized) return answer;
  parts_.tokens->expire();
  Result<std::string> fresh = parts_.tokens->token();
  if (!fresh || *fresh == token) return answer;
  return send(to_http(request, parts_.path_prefix, *fresh));
}

}  // namespace stagekeeper::kube
