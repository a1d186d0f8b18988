#include "tests/explorer/faults.h"

#include <utility>

namespace stagekeeper::explorer {

const char* name(FaultKind kind) {
  switch (kind) {
    case FaultKind::kNone:
      return "";
    case FaultKind::kRefused:
      return "refused";
    case FaultKind::kLost:
      return "done, and its answer lost";
    case FaultKind::kDies:
      return "dies before it";
    case FaultKind::kDiesAfter:
      return "dies after it";
    case FaultKind::kPaused:
      return "paused before it";
  }
  return "";
}

void Faults::arm(FaultKind kind, std::size_t at, std::function<void()> meanwhile) {
  kind_ = kind;
  at_ = at;
  meanwhile_ = std::move(meanwhile);
  sent_.clear();
}

void Faults::pause() {
  const std::function<void()> meanwhile = std::move(meanwhile_);
  std::vector<Sent> mine = std::exchange(sent_, {});
  const std::size_t at = std::exchange(at_, 0);
  kind_ = FaultKind::kNone;
  meanwhile();
  sent_ = std::move(mine);
  at_ = at;
}

}  // namespace stagekeeper::explorer
