#include "base/decimal.h"

#include <cmath>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

constexpr int kPlaces = 12;
constexpr std::int64_t kMaxWhole =
    4'611'685;  // half of 2^63 / 10^12: a sum or difference of two cannot overflow

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::int64_t power_of_ten(int exponent) {
  std::int64_t out = 1;
  for (int i = 0; i < exponent; ++i)
    out *= 10;
  return out;
}

}  // namespace

Result<Decimal> Decimal::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalid,
                fmt::format("not a decimal: '{}'; write for example \"0.82\"", text.substr(0, 40)));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  std::int64_t whole = 0;
  std::size_t digits = 0;
  while (digits < rest.size() && is_digit(rest[digits]))
    whole = whole * 10 + (rest[digits++] - '0');
  if (digits == 0 || digits > 9 || whole > kMaxWhole) return bad();
  rest.remove_prefix(digits);
  std::int64_t fraction = 0;
  if (!rest.empty()) {
    if (rest[0] != '.' || rest.size() < 2 || rest.size() > kPlaces + 1) return bad();
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (!is_digit(rest[i])) return bad();
      fraction = fraction * 10 + (rest[i] - '0');
    }
    fraction *= power_of_ten(kPlaces - static_cast<int>(rest.size() - 1));
  }
  const std::int64_t scaled = whole * kScale + fraction;
  return Decimal(negative ? -scaled : scaled);
}

Result<Decimal> Decimal::from_double(double value) {
  if (!std::isfinite(value) || std::fabs(value) > static_cast<double>(kMaxWhole)) {
    return fail(ErrorCode::kInvalid, "number is not finite or too large for a decimal");
  }
  // Whole part and fraction apart: value * 10^12 in one step would lose digits above 2^53.
  const double whole = std::trunc(value);
  const double fraction = value - whole;
  return Decimal(static_cast<std::int64_t>(whole) * kScale +
                 std::llround(fraction * static_cast<double>(kScale)));
}

double Decimal::to_double() const {
  return static_cast<double>(scaled_ / kScale) +
         static_cast<double>(scaled_ % kScale) / static_cast<double>(kScale);
}

std::string Decimal::str() const {
  std::string out = fixed(kPlaces);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string Decimal::fixed(int places) const {
  const std::int64_t unit = power_of_ten(kPlaces - places);
  const std::int64_t magnitude = scaled_ < 0 ? -scaled_ : scaled_;
  std::int64_t units = magnitude / unit;
  const std::int64_t rest = magnitude % unit;
  if (rest * 2 > unit || (rest * 2 == unit && units % 2 == 1)) ++units;
  const std::int64_t base = power_of_ten(places);
  const std::string sign = scaled_ < 0 && units > 0 ? "-" : "";
  if (places == 0) return fmt::format("{}{}", sign, units);
  return fmt::format("{}{}.{:0{}}", sign, units / base, units % base, places);
}

}  // namespace stagekeeper
