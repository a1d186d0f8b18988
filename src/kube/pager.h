#pragma once

#include "base/result.h"
#include "kube/api.h"
#include "kube/page_size.h"

#include <functional>
#include <string>
#include <string_view>

namespace stagekeeper::kube {

/// What to list, and in pages of how many.
struct ListQuery {
  ResourceType type;
  std::string ns = {};  ///< empty: all namespaces
  Selection selection = {};
  int page_limit = PageSize::kUsual;
};

/// Takes what a list finds.
struct ListSink {
  /// Called before the first page, and again before each restart: forget what `item` was given.
  std::function<void()> begin;

  /// Takes one object (raw JSON without apiVersion and kind), valid during the call only. A failure
  /// ends the list with it.
  std::function<Status(std::string_view item)> item;
};

/// Lists everything, page by page, and returns the resourceVersion from which to watch. A page that
/// is too large is asked for again by halves, down to a single object. A page token that has
/// expired (410) starts the list again with larger pages, at most three times. Errors: those of
/// Api::call and of the sink; Gone when the list keeps expiring; TooLarge for a single object above
/// the limit, which is told by its place; Unavailable when the list does not go forward or has more
/// than a million pages.
Result<std::string> list_all(Api& api, const ListQuery& query, const ListSink& sink);

}  // namespace stagekeeper::kube
