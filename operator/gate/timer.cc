#include "operator/gate/timer.h"

#include <thread>

namespace stagekeeper::gate {

Timer::Duration SteadyTimer::now() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

void SteadyTimer::sleep(Duration duration) {
  std::this_thread::sleep_for(duration);
}

}  // namespace stagekeeper::gate
