#include "model/reader.h"

#include <fmt/format.h>

namespace stagekeeper::detail {
namespace {

constexpr std::string_view kMissing = "is missing";

}  // namespace

void Reader::text(std::string_view key, std::string& value, const TextUse& use) {
  const JsonReader member = at_[key];
  if (member.present() && !member.is_text()) return problem(key, "is no text");
  value = member.str(use.fallback);
  if (use.required && value.empty()) return problem(key, kMissing);
  const bool ruled = use.rule.holds != nullptr && (use.required || !value.empty());
  if (ruled && !use.rule.holds(value)) problem(key, use.rule.says);
}

void Reader::integer(std::string_view key, std::int64_t& value,
                     std::optional<std::int64_t> fallback) {
  const JsonReader member = at_[key];
  if (!member.present()) {
    if (!fallback) return problem(key, kMissing);
    value = *fallback;
    return;
  }
  const std::optional<std::int64_t> number = member.whole_number();
  if (!number) return problem(key, "is no whole number");
  value = *number;
}

void Reader::flag(std::string_view key, bool& value, bool fallback) {
  const JsonReader member = at_[key];
  if (member.present() && !member.is_boolean()) return problem(key, "is neither true nor false");
  value = member.boolean(fallback);
}

void Reader::texts(std::string_view key, std::vector<std::string>& values) {
  const JsonReader member = at_[key];
  if (member.present() && !member.is_list()) return problem(key, "is no list");
  values.clear();
  for (const JsonReader& item : member.items()) {
    if (!item.is_text()) problem(fmt::format("{}[{}]", key, values.size()), "is no text");
    values.push_back(item.str());
  }
}

void Reader::named_texts(std::string_view key, std::map<std::string, std::string>& values) {
  const JsonReader member = at_[key];
  if (member.present() && !member.is_object()) return problem(key, "is no object");
  values = member.string_map();
}

void Reader::member_of_union(const std::string& discriminator, std::string& json) {
  const JsonReader member = at_[union_key(discriminator)];
  json = member.present() ? member.json() : "{}";
}

void Reader::refused(std::string_view key) {
  if (at_[key].present()) problem(key, "is not supported by this version");
}

void Reader::constant(std::string_view key, std::string_view only) {
  if (at_[key].str(only) != only) problem(key, "is not supported by this version");
}

void Reader::problem(std::string_view key, std::string_view says) {
  if (!problem_.empty()) return;
  problem_ = fmt::format("{}{}{}: {}", path_, path_.empty() || key.empty() ? "" : ".", key, says);
}

void Reader::descend(const JsonReader& inner, std::string_view key, const Visit& visit) {
  const JsonReader outer = std::exchange(at_, inner);
  const std::size_t length = path_.size();
  if (!path_.empty() && !key.starts_with('[')) path_ += '.';
  path_ += key;
  visit(*this);
  path_.resize(length);
  at_ = outer;
}

bool Reader::group(std::string_view key, Presence presence, bool /*is_there*/, const Visit& visit) {
  const JsonReader inner = at_[key];
  if (!inner.present() && presence == Presence::kRequired) problem(key, kMissing);
  if (!inner.present() && presence != Presence::kDefaulted) return false;
  if (inner.present() && !inner.is_object()) problem(key, "is no object");
  descend(inner, key, visit);
  return true;
}

void Reader::array(std::string_view key, std::size_t /*size*/,
                   const std::function<void(std::size_t)>& expect,
                   const std::function<void(Fields&, std::size_t)>& visit) {
  const JsonReader member = at_[key];
  if (member.present() && !member.is_list()) return problem(key, "is no list");
  const std::vector<JsonReader> items = member.items();
  expect(items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    descend(items[i], fmt::format("{}[{}]", key, i), [&](Fields& v) { visit(v, i); });
}

}  // namespace stagekeeper::detail
