#include "kube/list_decode.h"

#include "kube/status_error.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace stagekeeper::kube {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

tl::unexpected<Error> malformed(std::string_view what, simdjson::error_code error) {
  return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", what, simdjson::error_message(error)));
}

/// A view of `text` that the parser may read past, after room has been made for that.
simdjson::padded_string_view padded(std::string& text) {
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  return simdjson::padded_string_view(text.data(), text.size(), text.capacity());
}

/// On-Demand does not look beyond the value that it was asked for.
simdjson::error_code at_end(ondemand::document& document) {
  const bool ended = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  return ended ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
}

simdjson::error_code read_string(ondemand::value value, std::string& out) {
  std::string_view text;
  if (const auto error = value.get_string().get(text); error) return error;
  out.assign(text);
  return simdjson::SUCCESS;
}

simdjson::error_code read_list_metadata(ondemand::value value, ListPage& page) {
  ondemand::object metadata;
  if (const auto error = value.get_object().get(metadata); error) return error;
  for (auto item : metadata) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field); error) return error;
    simdjson::error_code error = simdjson::SUCCESS;
    const ondemand::raw_json_string key = field.key();
    if (key == "resourceVersion") error = read_string(field.value(), page.resource_version);
    if (key == "continue") error = read_string(field.value(), page.continue_token);
    if (error) return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read_items(ondemand::value value, ListPage& page) {
  bool absent = false;
  if (const auto error = value.is_null().get(absent); error) return error;
  if (absent) return simdjson::SUCCESS;  // Go writes null for an empty list
  ondemand::array items;
  if (const auto error = value.get_array().get(items); error) return error;
  for (auto element : items) {
    ondemand::object object;
    if (const auto error = element.get_object().get(object); error) return error;
    std::string_view raw;
    if (const auto error = object.raw_json().get(raw); error) return error;
    page.items.push_back(raw);
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read_list(ondemand::document& document, ListPage& page) {
  ondemand::object root;
  if (const auto error = document.get_object().get(root); error) return error;
  for (auto item : root) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field); error) return error;
    simdjson::error_code error = simdjson::SUCCESS;
    const ondemand::raw_json_string key = field.key();
    if (key == "metadata") error = read_list_metadata(field.value(), page);
    if (key == "items") error = read_items(field.value(), page);
    if (error) return error;
  }
  return at_end(document);
}

std::optional<WatchEventType> event_type(std::string_view text) {
  if (text == "ADDED") return WatchEventType::kAdded;
  if (text == "MODIFIED") return WatchEventType::kModified;
  if (text == "DELETED") return WatchEventType::kDeleted;
  if (text == "BOOKMARK") return WatchEventType::kBookmark;
  if (text == "ERROR") return WatchEventType::kError;
  return std::nullopt;
}

struct RawEvent {
  std::string type;
  std::string_view object;
};

simdjson::error_code read_event(ondemand::document& document, RawEvent& event) {
  ondemand::object root;
  if (const auto error = document.get_object().get(root); error) return error;
  for (auto item : root) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field); error) return error;
    simdjson::error_code error = simdjson::SUCCESS;
    const ondemand::raw_json_string key = field.key();
    if (key == "type") error = read_string(field.value(), event.type);
    if (key == "object") {
      ondemand::object object;
      error = field.value().get_object().get(object);
      if (!error) error = object.raw_json().get(event.object);
    }
    if (error) return error;
  }
  return at_end(document);
}

simdjson::error_code read_object_metadata(ondemand::document& document, WatchEvent& event) {
  ondemand::object metadata;
  if (const auto error = document["metadata"].get_object().get(metadata); error) return error;
  ondemand::value value;
  if (const auto error = metadata["resourceVersion"].get(value); error) return error;
  if (const auto error = read_string(value, event.resource_version); error) return error;
  if (event.type != WatchEventType::kBookmark) return simdjson::SUCCESS;
  std::string_view end;
  // Absent in an ordinary bookmark.
  const auto absent = metadata["annotations"][kInitialEventsEnd].get_string().get(end);
  event.initial_events_end = !absent && end == "true";
  return simdjson::SUCCESS;
}

/// The in-stream error is a metav1.Status whose code is what the HTTP status would have been.
Error stream_error(std::string_view object, ondemand::parser& parser, std::size_t capacity) {
  constexpr int kUnknown = 500;
  std::int64_t code = kUnknown;
  ondemand::document document;
  if (!parser.iterate(object, capacity).get(document)) {
    if (document["code"].get_int64().get(code)) code = kUnknown;
  }
  const bool plausible = code >= 300 && code < 600;
  return status_error("watch", plausible ? static_cast<int>(code) : kUnknown, object, {});
}

}  // namespace

Result<ListPage> decode_list(std::string& body) {
  ondemand::parser parser;
  ondemand::document document;
  ListPage page;
  simdjson::error_code error = parser.iterate(padded(body)).get(document);
  if (!error) error = read_list(document, page);
  if (error) return malformed("malformed list", error);
  if (page.resource_version.empty())
    return fail(ErrorCode::kUnavailable, "malformed list: no resourceVersion");
  return page;
}

struct WatchEventDecoder::Parsers {
  ondemand::parser event;
  ondemand::parser object;
  std::string line;
};

WatchEventDecoder::WatchEventDecoder() : parsers_(std::make_unique<Parsers>()) {}

WatchEventDecoder::WatchEventDecoder(WatchEventDecoder&&) noexcept = default;
WatchEventDecoder& WatchEventDecoder::operator=(WatchEventDecoder&&) noexcept = default;
WatchEventDecoder::~WatchEventDecoder() = default;

Result<WatchEvent> WatchEventDecoder::decode(std::string_view line) {
  parsers_->line.assign(line);
  const simdjson::padded_string_view text = padded(parsers_->line);
  RawEvent raw;
  ondemand::document document;
  simdjson::error_code error = parsers_->event.iterate(text).get(document);
  if (!error) error = read_event(document, raw);
  if (error) return malformed("malformed watch event", error);
  const std::optional<WatchEventType> type = event_type(raw.type);
  if (!type || raw.object.empty())
    return fail(ErrorCode::kUnavailable, "malformed watch event: no known type or no object");
  WatchEvent event{.type = *type, .object = raw.object};
  // The object lies inside the padded line, so that what follows it is its padding.
  const auto offset = static_cast<std::size_t>(raw.object.data() - text.data());
  const std::size_t capacity = parsers_->line.capacity() - offset;
  if (event.type == WatchEventType::kError) {
    event.error = stream_error(raw.object, parsers_->object, capacity);
    return event;
  }
  ondemand::document object;
  error = parsers_->object.iterate(raw.object, capacity).get(object);
  if (!error) error = read_object_metadata(object, event);
  if (error) return malformed("malformed watch event", error);
  return event;
}

}  // namespace stagekeeper::kube
