#include "base/canonical_json.h"
#include "base/crypto.h"
#include "base/json_access.h"
#include "promotion/queries.h"
#include "promotion/serving/serving.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

// What of the serving truth goes into the target's ledger, and is read back from it.
namespace stagekeeper::promotion::serving {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxObserved = 16;
/// Who may change Services and pods can cause these: a ledger takes so many in an hour.
constexpr std::size_t kQuota = 20;
constexpr std::chrono::hours kQuotaTime{1};
constexpr std::chrono::minutes kTryAgain{10};
/// While old pods go and new ones come, several templates serve. More changes than that within one
/// rollout are shown as a difference until it is through.
constexpr std::size_t kMaxTemplates = 3;

std::string digest_of(const Verdict& verdict) {
  const json what = {{"fault", name(verdict.fault)},
                     {"object", verdict.object},
                     {"field", verdict.field},
                     {"manager", verdict.manager}};
  return sha256_digest(what.dump(-1, ' ', false, json::error_handler_t::replace)).str();
}

json observed_json(const Verdict& verdict) {
  json out = json::array();
  for (const Observed& one : verdict.observed) {
    if (out.size() == kMaxObserved) break;
    out.push_back({{"version", one.version}, {"object", one.object}, {"pods", one.pods}});
  }
  return out;
}

RecordContent content(const Facts& facts, RecordKind kind, std::string text, const json& body) {
  return {.kind = kind,
          .model = facts.target.model,
          .to = serving_version(facts.ledger),
          .text = std::move(text),
          .body = body.dump(-1, ' ', false, json::error_handler_t::replace)};
}

RecordContent drift(const Facts& facts, const Verdict& verdict) {
  RecordContent out = content(facts, RecordKind::kDrift, verdict.message,
                              {{"fault", name(verdict.fault)},
                               {"object", verdict.object},
                               {"field", verdict.field},
                               {"manager", verdict.manager},
                               {"observed", observed_json(verdict)}});
  out.decision_digest = digest_of(verdict);
  return out;
}

RecordContent template_change(const Facts& facts) {
  json managers = json::array();
  for (const FieldOwner& owner : facts.template_owners)
    managers.push_back(owner.manager);
  json images = json::array();
  for (const ContainerSpec& container : facts.deployment->containers)
    images.push_back({{"container", container.name}, {"image", container.image}});
  const FieldOwner& last = facts.template_owners.front();
  return content(facts, RecordKind::kTemplateChanged,
                 fmt::format("the pod template of Deployment {} was changed around its pins by {}",
                             facts.deployment->meta.name, last.manager),
                 {{"templateDigest", facts.template_digest},
                  {"templateManagers", std::move(managers)},
                  {"images", std::move(images)}});
}

}  // namespace

std::vector<const RecordFact*> sources(const History& ledger) {
  std::vector<const RecordFact*> out;
  std::uint64_t from = 0;
  if (const RecordFact* serving = ledger.serving()) {
    from = serving->of;
    if (const RecordFact* intent = ledger.at(serving->of)) out.push_back(intent);
  }
  const auto changing = under_way(ledger);
  out.insert(out.end(), changing.begin(), changing.end());
  std::vector<const RecordFact*> changes;
  const RecordFact* change = ledger.template_change();
  for (std::uint64_t n = change == nullptr ? 0 : change->sequence;
       n > from && changes.size() < kMaxTemplates; --n) {
    const RecordFact* record = ledger.at(n);
    if (record->kind == RecordKind::kTemplateChanged) changes.push_back(record);
  }
  out.insert(out.end(), changes.rbegin(), changes.rend());
  std::ranges::sort(out, {}, &RecordFact::sequence);
  return out;
}

Result<Reference> reference_of(
    const std::vector<std::pair<const RecordFact*, std::string>>& bodies) {
  Reference out;
  for (const auto& [record, body] : bodies) {
    const Result<json> parsed = parse_strict_json(body, kMaxBodyBytes);
    std::string digest = parsed ? text_at(*parsed, {"templateDigest"}) : std::string();
    if (digest.empty()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("the body of {} record {} names no template",
                              stagekeeper::name(record->kind), record->sequence));
    }
    out.digests.push_back(std::move(digest));
    out.managers.clear();
    for (const json& manager : list_at(*parsed, {"templateManagers"})) {
      if (manager.is_string()) out.managers.push_back(manager.get<std::string>());
    }
  }
  return out;
}

std::optional<RecordContent> record_due(const Facts& facts, const Verdict& verdict, TimePoint now,
                                        std::optional<TimePoint>& later) {
  const RecordFact* open = facts.ledger.open_drift();
  const bool recorded = facts.ledger.serving() != nullptr;
  const bool drifts = verdict.fault != Fault::kNone && verdict.fault != Fault::kNothingServes;
  if (!recorded || verdict.unsure) return std::nullopt;
  if (!drifts && open != nullptr) {
    return content(facts, RecordKind::kDriftEnded, verdict.message,
                   {{"observed", observed_json(verdict)}});
  }
  const bool news = drifts && (open == nullptr || open->decision_digest != digest_of(verdict));
  if (!news && !verdict.template_changed) return std::nullopt;
  if (facts.ledger.seen_since(now - kQuotaTime) >= kQuota) {
    later = now + kTryAgain;
    return std::nullopt;
  }
  return news ? drift(facts, verdict) : template_change(facts);
}

}  // namespace stagekeeper::promotion::serving
