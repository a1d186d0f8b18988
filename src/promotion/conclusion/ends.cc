#include "base/text.h"
#include "promotion/conclusion/conclusion.h"
#include "promotion/contents.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::conclusion {

EndCode overall(const std::vector<TargetEnd>& ends) {
  const auto has = [&](EndCode code) {
    return std::ranges::find(ends, code, &TargetEnd::code) != ends.end();
  };
  const bool all = std::ranges::all_of(ends, [](const TargetEnd& end) {
    return end.code == EndCode::kApplied || end.code == EndCode::kNoChange;
  });
  if (has(EndCode::kApplied)) return all ? EndCode::kApplied : EndCode::kPartlyApplied;
  if (has(EndCode::kRollbackFailed)) return EndCode::kRollbackFailed;
  if (has(EndCode::kRolledBack)) return EndCode::kRolledBack;
  const auto cause = std::ranges::find_if(
      ends, [](const TargetEnd& end) { return end.code != EndCode::kNoChange; });
  return cause == ends.end() ? EndCode::kNoChange : cause->code;
}

std::string summary(const std::vector<TargetEnd>& ends) {
  std::vector<std::string> parts;
  for (const TargetEnd& end : ends) {
    parts.push_back(end.code == EndCode::kApplied
                        ? fmt::format("{}: {} was rolled out, record {}", end.name,
                                      version_text(end.to), end.record)
                        : fmt::format("{}: {}", end.name, end.text));
  }
  return join(parts, "; ");
}

}  // namespace stagekeeper::promotion::conclusion
