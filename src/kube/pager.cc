#include "kube/pager.h"

#include "kube/list_decode.h"
#include "kube/object_head.h"

#include <utility>

namespace stagekeeper::kube {
namespace {

constexpr int kMaxAttempts = 4;
constexpr int kMaxPages = 1'000'000;

/// One list from its first page on.
class Lister {
 public:
  Lister(Api& api, const ListQuery& query, const ListSink& sink, PageSize& size)
      : api_(api), query_(query), sink_(sink), size_(size) {}

  Result<std::string> run() {
    sink_.begin();
    for (int page_count = 0; page_count < kMaxPages; ++page_count) {
      Result<std::string> body = call();
      if (!body) return body;
      Result<ListPage> page = decode_list(*body);
      if (!page) return fail(std::move(page.error()), describe(request()));
      if (Status s = take(*page); !s) return tl::unexpected(s.error());
      if (page->continue_token.empty()) return std::move(page->resource_version);
      if (page->continue_token == token_) break;
      token_ = std::move(page->continue_token);
    }
    return fail(ErrorCode::kUnavailable, "list " + query_.type.plural + ": does not end");
  }

 private:
  Request request() const {
    return list_request(query_.type, query_.ns, query_.selection, size_.limit(), token_);
  }

  /// The next page, as large as it may be.
  Result<std::string> call() {
    Result<std::string> body = api_.call(request());
    while (!body && body.error().code == ErrorCode::kTooLarge && size_.halve())
      body = api_.call(request());
    if (body) {
      size_.page_done();
    } else if (body.error().code == ErrorCode::kTooLarge) {
      return fail(std::move(body.error()), "the object after " + (last_.empty() ? "none" : last_));
    }
    return body;
  }

  Status take(const ListPage& page) {
    for (const std::string_view item : page.items) {
      if (Status s = sink_.item(item); !s) return s;
    }
    if (page.items.empty()) return {};
    const Result<ObjectHead> last = heads_.decode(page.items.back());
    if (last) last_ = last->key.str();
    return {};
  }

  Api& api_;
  const ListQuery& query_;
  const ListSink& sink_;
  PageSize& size_;
  ObjectHeadDecoder heads_;
  std::string token_;
  std::string last_;  ///< the object that the last page ended with
};

}  // namespace

Result<std::string> list_all(Api& api, const ListQuery& query, const ListSink& sink) {
  Result<std::string> out;
  PageSize size(query.page_limit);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    out = Lister(api, query, sink, size).run();
    if (out || out.error().code != ErrorCode::kGone) break;
    size.expired();
  }
  return out;
}

}  // namespace stagekeeper::kube
