#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::kube {

/// The frame of one page of a list. The items are views into the body that was decoded.
struct ListPage {
  std::string resource_version;
  std::string continue_token;           ///< empty on the last page
  std::vector<std::string_view> items;  ///< raw JSON objects in order; without apiVersion and kind
};

/// Splits the body of a list answer into its items without decoding them. `body` may grow in
/// capacity (the parser reads a little past the end) and must outlive the page unchanged.
/// Errors: Unavailable when it is no list (cut short, not JSON, no resourceVersion).
Result<ListPage> decode_list(std::string& body);

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark, kError };

/// One watch event. The view is valid until the decoder's next call.
struct WatchEvent {
  WatchEventType type = WatchEventType::kError;
  std::string_view object;          ///< raw JSON
  std::string resource_version;     ///< of the object; where a watch resumes. Empty for kError.
  bool initial_events_end = false;  ///< a bookmark that ends the initial events of a streaming list
  std::optional<Error> error;       ///< set exactly for kError; Gone: list again
};

/// Reads watch events, reusing its memory. One per watch; not thread-safe.
class WatchEventDecoder {
 public:
  WatchEventDecoder();
  WatchEventDecoder(const WatchEventDecoder&) = delete;
  WatchEventDecoder& operator=(const WatchEventDecoder&) = delete;
  WatchEventDecoder(WatchEventDecoder&&) noexcept;
  WatchEventDecoder& operator=(WatchEventDecoder&&) noexcept;
  ~WatchEventDecoder();

  /// Errors: Unavailable when the line is no event (cut short, not JSON, unknown type, no
  /// resourceVersion).
  Result<WatchEvent> decode(std::string_view line);

 private:
  struct Parsers;

  std::unique_ptr<Parsers> parsers_;
};

}  // namespace stagekeeper::kube
