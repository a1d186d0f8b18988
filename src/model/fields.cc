#include "model/fields.h"

#include "base/clock.h"
#include "base/text.h"

#include <array>
#include <fmt/format.h>
#include <limits>

namespace stagekeeper::detail {
namespace {

using std::chrono::milliseconds;

std::string text_of(milliseconds value) {
  struct Unit {
    milliseconds length;
    std::string_view name;
  };

  static constexpr std::array kUnits{Unit{.length = std::chrono::hours(1), .name = "h"},
                                     Unit{.length = std::chrono::minutes(1), .name = "m"},
                                     Unit{.length = std::chrono::seconds(1), .name = "s"}};
  for (const Unit& unit : kUnits) {
    if (value.count() != 0 && value % unit.length == milliseconds(0))
      return fmt::format("{}{}", value / unit.length, unit.name);
  }
  return fmt::format("{}ms", value.count());
}

constexpr int kMost = std::numeric_limits<int>::max();

}  // namespace

void Fields::required(std::string_view key, std::string& value, const TextRule& rule) {
  text(key, value, {.required = true, .fallback = {}, .rule = rule});
}

void Fields::optional(std::string_view key, std::string& value, std::string_view fallback,
                      const TextRule& rule) {
  text(key, value, {.required = false, .fallback = fallback, .rule = rule});
}

void Fields::choice(std::string_view key, std::string_view fallback, const std::string& now,
                    const std::function<bool(const std::string&)>& set) {
  std::string value = now;
  text(key, value, {.required = fallback.empty(), .fallback = fallback, .rule = {}});
  if (!set(value)) problem(key, "is not supported by this version");
}

void Fields::number(std::string_view key, int& value, std::optional<int> fallback) {
  std::int64_t wide = value;
  integer(key, wide, fallback);
  if (wide < 0 || wide > kMost) return problem(key, "is out of range");
  value = static_cast<int>(wide);
}

void Fields::number(std::string_view key, std::optional<int>& value) {
  std::int64_t wide = value.value_or(-1);  // no number of ours is below 0
  integer(key, wide, -1);
  if (wide > kMost) return problem(key, "is out of range");
  value = wide < 0 ? std::nullopt : std::optional(static_cast<int>(wide));
}

void Fields::duration(std::string_view key, milliseconds& value, std::string_view fallback) {
  std::string written = text_of(value);
  text(key, written, {.required = fallback.empty(), .fallback = fallback, .rule = {}});
  const Result<milliseconds> read = parse_duration(written);
  if (!read) return problem(key, "is no length of time such as 10m");
  value = *read;
}

std::string union_key(std::string_view discriminator) {
  if (discriminator.empty()) return {};
  return lower_ascii(discriminator.substr(0, 1)) + std::string(discriminator.substr(1));
}

}  // namespace stagekeeper::detail
