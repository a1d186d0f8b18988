#include "base/clock.h"

namespace stagekeeper {

TimePoint SystemClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace stagekeeper
