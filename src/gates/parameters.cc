#include "gates/parameters.h"

#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

constexpr std::uint64_t kMaxCount = 1'000'000;
constexpr std::size_t kMaxWord = 64;

}  // namespace

std::optional<Decimal> optional_limit(ObjectReader& reader, const char* key, const char* low,
                                      std::string_view example) {
  const std::optional<Decimal> value = reader.optional_decimal(key);
  const bool outside =
      value && (*value < Decimal::parse(low).value() || *value > Decimal::parse("1").value());
  if (outside) {
    reader.problem("BadValue",
                   fmt::format("{} is not from {} to 1: write a decimal in quotes, such as \"{}\"",
                               reader.path(key), low, example));
  }
  return value;
}

Decimal required_limit(ObjectReader& reader, const char* key, std::string_view example) {
  if (!reader.has(key)) {
    reader.problem("MissingField", fmt::format("{} is missing and has no default: write a decimal "
                                               "in quotes, such as \"{}\"",
                                               reader.path(key), example));
  }
  return optional_limit(reader, key, "0", example).value_or(Decimal());
}

std::uint64_t required_count(ObjectReader& reader, const char* key, std::string_view example) {
  if (!reader.has(key)) {
    reader.problem("MissingField",
                   fmt::format("{} is missing and has no default: write a whole number, such as {}",
                               reader.path(key), example));
  }
  const std::uint64_t value = reader.optional_number(key, kMaxCount).value_or(0);
  if (value == 0) reader.problem("BadValue", fmt::format("{} is not at least 1", reader.path(key)));
  return value;
}

void only(ObjectReader& reader, const char* key, std::string_view value) {
  if (reader.optional_text(key, kMaxWord).value_or(std::string(value)) != value)
    reader.problem("BadValue", fmt::format("{} is not {}", reader.path(key), value));
}

tl::unexpected<Error> invalid(const Reason& reason) {
  return fail(ErrorCode::kInvalid, reason.message);
}

}  // namespace stagekeeper::gates
