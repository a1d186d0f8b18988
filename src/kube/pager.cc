#include "kube/pager.h"

#include "kube/list_decode.h"

#include <utility>

namespace stagekeeper::kube {
namespace {

constexpr int kMaxAttempts = 4;
constexpr int kMaxPages = 10'000;

/// One attempt from the first page on.
Result<std::string> list_once(Api& api, const ListQuery& query, const ListSink& sink) {
  sink.begin();
  std::string continue_token;
  for (int page_count = 0; page_count < kMaxPages; ++page_count) {
    const Request request =
        list_request(query.type, query.ns, query.selection, query.page_limit, continue_token);
    Result<std::string> body = api.call(request);
    if (!body) return tl::unexpected(body.error());
    Result<ListPage> page = decode_list(*body);
    if (!page) return fail(std::move(page.error()), describe(request));
    for (const std::string_view item : page->items) {
      if (Status s = sink.item(item); !s) return tl::unexpected(s.error());
    }
    if (page->continue_token.empty()) return std::move(page->resource_version);
    continue_token = std::move(page->continue_token);
  }
  return fail(ErrorCode::kUnavailable, "list " + query.type.plural + ": does not end");
}

}  // namespace

Result<std::string> list_all(Api& api, const ListQuery& query, const ListSink& sink) {
  Result<std::string> out;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    out = list_once(api, query, sink);
    if (out || out.error().code != ErrorCode::kGone) break;
  }
  return out;
}

}  // namespace stagekeeper::kube
