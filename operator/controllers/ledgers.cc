#include "operator/controllers/ledgers.h"

#include "operator/controllers/pending_status.h"
#include "operator/wiring/resources.h"

#include <fmt/format.h>

namespace stagekeeper {
namespace {

constexpr std::size_t kMaxCachedBodies = 500;

promotion::VersionRef ref(const std::optional<audit::ModelState>& state) {
  if (!state) return {};
  return {.version = state->version,
          .digest = state->digest,
          .artifact_uri = state->artifact_uri,
          .stage = state->stage};
}

std::optional<audit::ModelState> state(const promotion::VersionRef& version) {
  if (version.version.empty() && version.stage.empty()) return std::nullopt;
  return audit::ModelState{.version = version.version,
                           .digest = version.digest,
                           .artifact_uri = version.artifact_uri,
                           .stage = version.stage};
}

promotion::RecordFact fact(const audit::RecordEntry& entry) {
  return {.sequence = entry.ref.sequence,
          .kind = std::string(audit::name(entry.ref.kind)),
          .digest = entry.ref.digest.str(),
          .key = entry.ref.key,
          .request_uid = entry.request.uid,
          .decision_digest = entry.decision_digest,
          .action = entry.action,
          .from = ref(entry.from),
          .to = ref(entry.to),
          .of = entry.of.value_or(0),
          .reason = entry.reason,
          .time = entry.ref.recorded};
}

promotion::LedgerView view_of(const audit::LedgerState& state) {
  promotion::LedgerView out;
  out.records.reserve(state.records.size());
  for (const audit::RecordEntry& entry : state.records)
    out.records.push_back(fact(entry));
  return out;
}

}  // namespace

void StoreTrust::set(promotion::StoreState state) {
  const MutexLock lock(mutex_);
  state_ = std::move(state);
}

promotion::StoreState StoreTrust::get() const {
  const MutexLock lock(mutex_);
  return state_;
}

audit::LedgerId Ledgers::id(promotion::LedgerKind kind, const std::string& ns,
                            const std::string& name) const {
  return {.cluster = cluster_uid_,
          .ns = ns,
          .kind = kind == promotion::LedgerKind::kTarget ? audit::LedgerKind::kTarget
                                                         : audit::LedgerKind::kModel,
          .name = name};
}

Result<promotion::LedgerView> Ledgers::view(promotion::LedgerKind kind, const std::string& ns,
                                            const std::string& name) {
  const audit::LedgerId ledger = id(kind, ns, name);
  Result<audit::LedgerSnapshot> loaded = ledger_.load(ledger);
  const MutexLock lock(mutex_);
  if (loaded) return last_[ledger.prefix()] = view_of(**loaded);
  const bool down = loaded.error().code == ErrorCode::kUnavailable ||
                    loaded.error().code == ErrorCode::kThrottled;
  const auto last = last_.find(ledger.prefix());
  if (down && last != last_.end()) return last->second;
  return fail(loaded.error(), fmt::format("read ledger {}", ledger.path()));
}

Status Ledgers::append(const promotion::World& world, const promotion::AppendRecord& record) {
  const bool target = record.ledger == promotion::LedgerKind::kTarget;
  const std::optional<audit::RecordKind> kind = audit::record_kind(record.kind);
  if (!kind) return fail(ErrorCode::kInvalid, "append record: unknown kind " + record.kind);
  if (target && !world.target) return fail(ErrorCode::kInvalid, "append record: no ServingTarget");
  if (!target && !world.policy)
    return fail(ErrorCode::kInvalid, "append record: no PromotionPolicy");
  const ObjectMeta& owner = target ? world.target->target.meta : world.policy->meta;
  PendingStatus pending(api_, target ? resources::kTargets : resources::kPolicies,
                        {owner.ns, owner.name});
  const audit::Draft draft{.kind = *kind,
                           .model = world.request.model,
                           .request = {.name = world.request.meta.name,
                                       .uid = world.request.meta.uid,
                                       .generation = world.request.meta.generation},
                           .requester = {.username = world.request.requester.username,
                                         .uid = world.request.requester.uid},
                           .decision_digest = record.decision_digest,
                           .action = record.action,
                           .from = state(record.from),
                           .to = state(record.to),
                           .of = record.of == 0 ? std::nullopt : std::optional(record.of),
                           .reason = record.reason,
                           .body = record.body};
  Result<audit::RecordRef> done = ledger_.append(
      {.id = id(record.ledger, owner.ns, owner.name), .uid = owner.uid}, draft, pending);
  if (!done) return fail(done.error(), fmt::format("record {}", record.kind));
  return {};
}

Result<std::string> Ledgers::body(promotion::LedgerKind kind, const std::string& ns,
                                  const std::string& name, std::uint64_t sequence) {
  const audit::LedgerId ledger = id(kind, ns, name);
  const std::string key = ledger.key(sequence);
  {
    const MutexLock lock(mutex_);
    if (const auto found = bodies_.find(key); found != bodies_.end()) return found->second;
  }
  Result<audit::Record> record = ledger_.read(ledger, sequence);
  if (!record)
    return fail(record.error(),
                fmt::format("read record {} of ledger {}", sequence, ledger.path()));
  const MutexLock lock(mutex_);
  if (bodies_.size() >= kMaxCachedBodies) bodies_.clear();
  return bodies_[key] = record->draft.body;
}

}  // namespace stagekeeper
