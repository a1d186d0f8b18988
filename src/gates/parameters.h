#pragma once

#include "base/decimal.h"
#include "gates/object_reader.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace stagekeeper::gates {

/// The largest text of a gate's parameters that is read.
inline constexpr std::size_t kMaxParameterBytes = std::size_t{4} << 10U;

/// A decimal from `low` to `high` that the policy may set; `example` is shown to who got it wrong.
std::optional<Decimal> optional_limit(ObjectReader& reader, const char* key, const char* low,
                                      std::string_view example);

/// The same from 0 to 1, and the policy must set it: a limit that nobody wrote is nobody's.
Decimal required_limit(ObjectReader& reader, const char* key, std::string_view example);

/// A whole number from 1 to 1,000,000 that the policy must set.
std::uint64_t required_count(ObjectReader& reader, const char* key, std::string_view example);

/// Accepts the one value that a member may have, or none.
void only(ObjectReader& reader, const char* key, std::string_view value);

/// A reason of read_members as an error of a policy: Invalid, with its message.
tl::unexpected<Error> invalid(const Reason& reason);

}  // namespace stagekeeper::gates
