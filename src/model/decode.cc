#include "model/decode.h"

#include "model/decode_with.h"
#include "model/reader.h"
#include "model/resource.h"
#include "model/tables.h"

#include <fmt/format.h>

namespace stagekeeper {
namespace detail {

Status parse_object(std::string_view json, std::string_view kind, ObjectMeta& meta,
                    const std::function<std::string(const JsonReader&)>& read) {
  if (json.size() > kMaxObjectBytes) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("decode {}: {} bytes is too large", kind, json.size()));
  }
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root);
      error != simdjson::SUCCESS) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("decode {}: {}", kind, simdjson::error_message(error)));
  }
  const JsonReader object(root);
  meta = read_meta(object);
  const bool named = !meta.name.empty() && !meta.uid.empty();
  const std::string problem = named ? read(object) : "metadata.name or uid is missing";
  if (problem.empty()) return {};
  return fail(ErrorCode::kCorrupt,
              fmt::format("decode {} {}/{}: {}", kind, meta.ns, meta.name, problem));
}

namespace {

/// Decodes a custom resource by its field table.
template <typename T>
Result<T> decode_by_table(std::string_view json) {
  T out;
  SK_CHECK_OK(parse_object(json, Resource<T>::kind, out.meta, [&](const JsonReader& object) {
    Reader reader(object);
    fields(reader, out);
    return reader.first_problem();
  }));
  return out;
}

}  // namespace
}  // namespace detail

using detail::decode_by_table;

template <>
Result<ModelVersion> decode(std::string_view json) {
  return decode_by_table<ModelVersion>(json);
}

template <>
Result<PromotionPolicy> decode(std::string_view json) {
  return decode_by_table<PromotionPolicy>(json);
}

template <>
Result<ServingTarget> decode(std::string_view json) {
  return decode_by_table<ServingTarget>(json);
}

template <>
Result<PromotionRequest> decode(std::string_view json) {
  return decode_by_table<PromotionRequest>(json);
}

template <>
Result<Approval> decode(std::string_view json) {
  return decode_by_table<Approval>(json);
}

template <>
Result<GateClass> decode(std::string_view json) {
  return decode_by_table<GateClass>(json);
}

template <>
Result<ModelStage> decode(std::string_view json) {
  return decode_by_table<ModelStage>(json);
}

template <>
Result<AnyObject> decode(std::string_view json) {
  return detail::decode_with<AnyObject>(json, "object",
                                        [](const detail::JsonReader&, AnyObject&) {});
}

}  // namespace stagekeeper
