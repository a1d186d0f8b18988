#include "promotion/serving/restore.h"

#include "base/crypto.h"
#include "promotion/contents.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/records/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::serving {
namespace {

using nlohmann::json;

/// Who may delete and create Deployments can cause these: see record_due().
constexpr std::size_t kQuota = 20;
constexpr std::chrono::hours kQuotaTime{1};
constexpr std::chrono::minutes kTryAgain{10};

/// One restoration of one Deployment; the same again needs no second record.
std::string digest_of(const Deployment& deployment, const RecordFact& serving) {
  return sha256_digest(deployment.meta.uid + "\n" + serving.digest).str();
}

RecordContent restored(const TargetState& state, const RecordFact& serving,
                       const std::vector<RenderedPin>& pins) {
  const Deployment& deployment = *state.deployment;
  const json body = {{"deploymentUid", deployment.meta.uid},
                     {"applied", std::to_string(serving.sequence)},
                     {"pins", records::pins_json(pins)}};
  return {.kind = RecordKind::kRestored,
          .model = state.target->model,
          .decision_digest = digest_of(deployment, serving),
          .to = serving.to,
          .text = fmt::format("Deployment {} was created again without pins; it gets those of {} "
                              "back, which serves by record {}",
                              deployment.meta.name, version_text(serving.to), serving.sequence),
          .body = body.dump(-1, ' ', false, json::error_handler_t::replace)};
}

bool bears_one_of(const Deployment& deployment, const std::vector<RenderedPin>& pins) {
  return std::ranges::any_of(pins, [&](const RenderedPin& pin) {
    return !entries_of(deployment, pin.container, pin.name).empty();
  });
}

}  // namespace

bool lost_its_pins(const TargetState& state) {
  const bool ours = state.target && !state.target->meta.deleting && state.deployment &&
                    !state.deployment->meta.deleting && state.claimed_by == state.name;
  if (!ours || state.ledger.open_intent() != nullptr || owed_way_back(state.ledger) != nullptr)
    return false;
  const RecordFact* serving = state.ledger.serving();
  return serving != nullptr && !serving->to.version.empty() &&
         pinned_sequence(*state.deployment) == 0 &&
         holds_pins(*state.deployment, *state.target, VersionRef{});
}

Result<std::vector<RenderedPin>> pins_of_intent(const RecordFact& intent, std::string_view body) {
  SK_TRY(const json value, records::parsed(intent, body));
  const auto pins = value.find("pins");
  if (pins == value.end() || !pins->is_array()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("the body of Intent record {} names no pins", intent.sequence));
  }
  return records::pins_of(*pins);
}

Restoring restore(const TargetState& state, const std::vector<RenderedPin>& pins, TimePoint now) {
  Restoring out;
  const Deployment& deployment = *state.deployment;
  const RecordFact& serving = *state.ledger.serving();
  const RecordFact* intent = state.ledger.at(serving.of);
  // Pins of an earlier spec.pin that somebody has written, or nowhere to write them: a drift.
  const bool lacks = std::ranges::any_of(pins, [&](const RenderedPin& pin) {
    return std::ranges::find(deployment.containers, pin.container, &ContainerSpec::name) ==
           deployment.containers.end();
  });
  if (intent == nullptr || lacks || bears_one_of(deployment, pins)) return out;
  const RecordFact* last = state.ledger.last_restored();
  if (last == nullptr || last->decision_digest != digest_of(deployment, serving)) {
    if (state.ledger.seen_since(now - kQuotaTime) >= kQuota) {
      out.later = now + kTryAgain;
      return out;
    }
    out.actions.emplace_back(
        AppendRecord{.ledger = {.kind = LedgerKind::kTarget, .name = state.name},
                     .content = restored(state, serving, pins)});
  }
  out.actions.emplace_back(PatchPin{.target = state.name,
                                    .deployment_uid = deployment.meta.uid,
                                    .resource_version = deployment.meta.resource_version,
                                    .version = serving.to,
                                    .pins = pins,
                                    .sequence = intent->sequence,
                                    .record_digest = intent->digest,
                                    .at = now});
  return out;
}

}  // namespace stagekeeper::promotion::serving
