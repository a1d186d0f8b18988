#include "model/encode.h"

#include "base/clock.h"
#include "model/resource.h"
#include "model/tables.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper {
namespace detail {
namespace {

using nlohmann::json;

/// Writes a value as JSON by its field table.
class Writer final : public Fields {
 public:
  explicit Writer(json& object) : at_(&object) {}

  void text(std::string_view key, std::string& value, const TextUse& use) override {
    if (use.required || (!value.empty() && value != use.fallback)) set(key, value);
  }

  void integer(std::string_view key, std::int64_t& value,
               std::optional<std::int64_t> fallback) override {
    if (value != fallback) set(key, value);
  }

  void flag(std::string_view key, bool& value, bool fallback) override {
    if (value != fallback) set(key, value);
  }

  void texts(std::string_view key, std::vector<std::string>& values) override {
    if (!values.empty()) set(key, values);
  }

  void named_texts(std::string_view key, std::map<std::string, std::string>& values) override {
    if (!values.empty()) set(key, values);
  }

  void member_of_union(const std::string& discriminator, std::string& text) override {
    const json value = json::parse(text, nullptr, false);
    if (value.is_object() && !value.empty()) set(union_key(discriminator), value);
  }

  void refused(std::string_view /*key*/) override {}

  void constant(std::string_view /*key*/, std::string_view /*only*/) override {}

  /// What is written comes from code, which the API server checks again.
  void problem(std::string_view /*key*/, std::string_view /*says*/) override {}

 private:
  void set(std::string_view key, json value) { (*at_)[std::string(key)] = std::move(value); }

  json visited(const Visit& visit) {
    json inner = json::object();
    json* const outer = std::exchange(at_, &inner);
    visit(*this);
    at_ = outer;
    return inner;
  }

  bool group(std::string_view key, Presence presence, bool is_there, const Visit& visit) override {
    if (!is_there) return false;
    json inner = visited(visit);
    if (presence != Presence::kDefaulted || !inner.empty()) set(key, std::move(inner));
    return true;
  }

  void array(std::string_view key, std::size_t size,
             const std::function<void(std::size_t)>& /*expect*/,
             const std::function<void(Fields&, std::size_t)>& visit) override {
    json items = json::array();
    for (std::size_t i = 0; i < size; ++i)
      items.push_back(visited([&](Fields& v) { visit(v, i); }));
    if (!items.empty()) set(key, std::move(items));
  }

  json* at_;
};

/// Lists the paths of a table: visits every object and one item of every list.
class PathLister final : public Fields {
 public:
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

  void text(std::string_view key, std::string& /*value*/, const TextUse& /*use*/) override {
    add(key);
  }

  void integer(std::string_view key, std::int64_t& /*value*/,
               std::optional<std::int64_t> /*fallback*/) override {
    add(key);
  }

  void flag(std::string_view key, bool& /*value*/, bool /*fallback*/) override { add(key); }

  void texts(std::string_view key, std::vector<std::string>& /*values*/) override { add(key); }

  void named_texts(std::string_view key, std::map<std::string, std::string>& /*v*/) override {
    add(key);
  }

  void member_of_union(const std::string& /*discriminator*/, std::string& /*text*/) override {
    add("*");
  }

  void refused(std::string_view key) override { add(key); }

  void constant(std::string_view key, std::string_view /*only*/) override { add(key); }

  void problem(std::string_view /*key*/, std::string_view /*says*/) override {}

 private:
  void add(std::string_view key) {
    paths_.push_back(fmt::format("{}{}{}", path_, path_.empty() ? "" : ".", key));
  }

  void descend(const std::string& key, const Visit& visit) {
    const std::string outer = path_;
    path_ = fmt::format("{}{}{}", outer, outer.empty() ? "" : ".", key);
    visit(*this);
    path_ = outer;
  }

  bool group(std::string_view key, Presence /*presence*/, bool /*is_there*/,
             const Visit& visit) override {
    descend(std::string(key), visit);
    return true;
  }

  void array(std::string_view key, std::size_t /*size*/,
             const std::function<void(std::size_t)>& /*expect*/,
             const std::function<void(Fields&, std::size_t)>& visit) override {
    descend(fmt::format("{}[]", key), [&](Fields& v) { visit(v, 0); });
  }

  std::string path_;
  std::vector<std::string> paths_;
};

json encode_meta(const ObjectMeta& meta) {
  json out = {{"name", meta.name}};
  if (!meta.ns.empty()) out["namespace"] = meta.ns;
  if (!meta.uid.empty()) out["uid"] = meta.uid;
  if (!meta.resource_version.empty()) out["resourceVersion"] = meta.resource_version;
  if (meta.generation != 0) out["generation"] = meta.generation;
  if (meta.created != TimePoint{}) out["creationTimestamp"] = format_time(meta.created);
  if (!meta.labels.empty()) out["labels"] = meta.labels;
  if (!meta.annotations.empty()) out["annotations"] = meta.annotations;
  if (!meta.finalizers.empty()) out["finalizers"] = meta.finalizers;
  return out;
}

template <typename T>
std::string encode_by_table(T object) {
  json out = {{"apiVersion", kGroupVersion},
              {"kind", Resource<T>::kind},
              {"metadata", encode_meta(object.meta)}};
  Writer writer(out);
  fields(writer, object);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <typename T>
std::vector<std::string> list_paths() {
  PathLister lister;
  T object;
  fields(lister, object);
  return lister.paths();
}

}  // namespace
}  // namespace detail

template <>
std::string encode(const ModelVersion& object) {
  return detail::encode_by_table(object);
}

template <>
std::string encode(const PromotionPolicy& object) {
  return detail::encode_by_table(object);
}

template <>
std::string encode(const ServingTarget& object) {
  return detail::encode_by_table(object);
}

template <>
std::string encode(const PromotionRequest& object) {
  return detail::encode_by_table(object);
}

template <>
std::string encode(const Approval& object) {
  return detail::encode_by_table(object);
}

template <>
std::string encode(const GateClass& object) {
  return detail::encode_by_table(object);
}

template <>
std::vector<std::string> field_paths<ModelVersion>() {
  return detail::list_paths<ModelVersion>();
}

template <>
std::vector<std::string> field_paths<PromotionPolicy>() {
  return detail::list_paths<PromotionPolicy>();
}

template <>
std::vector<std::string> field_paths<ServingTarget>() {
  return detail::list_paths<ServingTarget>();
}

template <>
std::vector<std::string> field_paths<PromotionRequest>() {
  return detail::list_paths<PromotionRequest>();
}

template <>
std::vector<std::string> field_paths<Approval>() {
  return detail::list_paths<Approval>();
}

template <>
std::vector<std::string> field_paths<GateClass>() {
  return detail::list_paths<GateClass>();
}

}  // namespace stagekeeper
