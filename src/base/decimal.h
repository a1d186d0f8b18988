#pragma once

#include "base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace stagekeeper {

/// A decimal number with exactly 12 digits after the point, held as a scaled integer, so that
/// thresholds compare exactly ("0.82" equals "0.820"). Range ±4,611,685.
class Decimal {
 public:
  static constexpr std::int64_t kScale = 1'000'000'000'000;

  Decimal() = default;

  /// Reads `^-?\d{1,9}(\.\d{1,12})?$`. Errors: Invalid, also beyond the range.
  static Result<Decimal> parse(std::string_view text);

  /// The nearest decimal (half away from zero). Errors: Invalid for NaN, infinity, out of range.
  static Result<Decimal> from_double(double value);

  [[nodiscard]] double to_double() const;

  /// Shortest form without trailing zeros: "0.82", "-1.5", "0".
  [[nodiscard]] std::string str() const;

  /// Exactly `places` digits after the point (0…12), rounded half to even on the exact value:
  /// what printf("%.*f") prints for a value that is exact at 12 decimals.
  [[nodiscard]] std::string fixed(int places) const;

  friend auto operator<=>(const Decimal&, const Decimal&) = default;

  friend Decimal operator-(const Decimal& a, const Decimal& b) {
    return Decimal(a.scaled_ - b.scaled_);
  }

  friend Decimal operator+(const Decimal& a, const Decimal& b) {
    return Decimal(a.scaled_ + b.scaled_);
  }

  [[nodiscard]] Decimal abs() const { return Decimal(scaled_ < 0 ? -scaled_ : scaled_); }

 private:
  explicit Decimal(std::int64_t scaled) : scaled_(scaled) {}

  std::int64_t scaled_ = 0;
};

}  // namespace stagekeeper
