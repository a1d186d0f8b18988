#include "kube/object_head.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace stagekeeper::kube {
namespace {

namespace ondemand = simdjson::ondemand;

simdjson::error_code read_metadata(ondemand::object metadata, ObjectHead& head) {
  for (auto item : metadata) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field); error) return error;
    const ondemand::raw_json_string key = field.key();
    std::string* target = nullptr;
    if (key == "name") target = &head.key.name;
    if (key == "namespace") target = &head.key.ns;
    if (key == "uid") target = &head.uid;
    if (key == "resourceVersion") target = &head.resource_version;
    if (target == nullptr) continue;
    std::string_view text;
    if (const auto error = field.value().get_string().get(text); error) return error;
    target->assign(text);
  }
  return simdjson::SUCCESS;
}

}  // namespace

struct ObjectHeadDecoder::Parser {
  ondemand::parser parser;
  std::string text;
};

ObjectHeadDecoder::ObjectHeadDecoder() : parser_(std::make_unique<Parser>()) {}

ObjectHeadDecoder::ObjectHeadDecoder(ObjectHeadDecoder&&) noexcept = default;
ObjectHeadDecoder& ObjectHeadDecoder::operator=(ObjectHeadDecoder&&) noexcept = default;
ObjectHeadDecoder::~ObjectHeadDecoder() = default;

Result<ObjectHead> ObjectHeadDecoder::decode(std::string_view raw) {
  std::string& text = parser_->text;
  text.assign(raw);
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  ObjectHead head;
  ondemand::document document;
  auto error = parser_->parser
                   .iterate(simdjson::padded_string_view(text.data(), text.size(), text.capacity()))
                   .get(document);
  ondemand::object metadata;
  if (!error) error = document["metadata"].get_object().get(metadata);
  if (!error) error = read_metadata(metadata, head);
  if (error) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("malformed object: {}", simdjson::error_message(error)));
  }
  if (head.key.name.empty() || head.resource_version.empty()) {
    return fail(ErrorCode::kUnavailable, "malformed object: no name or no resourceVersion");
  }
  return head;
}

}  // namespace stagekeeper::kube
