#pragma once

#include "base/clock.h"

#include <string>

namespace stagekeeper::runtime {

/// Kubernetes' MicroTime: RFC 3339 with exactly six digits of a second ("…:00.000000Z").
std::string micro_time(TimePoint time);

}  // namespace stagekeeper::runtime
