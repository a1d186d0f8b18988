#include "operator/controllers/admission_proofs.h"

#include "base/log.h"
#include "kube/objects.h"
#include "promotion/admission/canaries.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using promotion::AdmissionState;
using promotion::admission::Canary;
using promotion::admission::CanaryKind;
using Proof = AdmissionState::Proof;

Result<std::string> send(kube::Api& api, const Canary& canary, const std::string& ns) {
  std::string body = promotion::admission::manifest(canary, ns);
  switch (canary.kind) {
    case CanaryKind::kApproval:
      return kube::Objects<Approval>(api).try_create(ns, std::move(body));
    case CanaryKind::kPromotionRequest:
      return kube::Objects<PromotionRequest>(api).try_create(ns, std::move(body));
    case CanaryKind::kDeployment:
      break;
  }
  return kube::Objects<Deployment>(api).try_create(ns, std::move(body));
}

template <typename T>
Result<TimePoint> change_of(kube::Api& api, std::string_view name) {
  SK_TRY(const auto json, kube::Objects<T>(api).get_json({"", std::string(name)}));
  if (!json) {
    return fail(ErrorCode::kNotFound, fmt::format("{} {} does not exist", Resource<T>::kind, name));
  }
  return promotion::admission::last_change(*json);
}

bool is_fault(const AdmissionState& state) {
  return state.proof == Proof::kBroken;
}

}  // namespace

AdmissionState AdmissionProofs::prove(const std::string& ns, bool pins, std::uint64_t after) {
  return answer(ns, {.pins = pins, .after = after, .memory = memory_});
}

AdmissionState AdmissionProofs::known(const std::string& ns, bool pins) {
  return answer(ns, {.pins = pins, .memory = std::chrono::hours(24 * 365)});
}

Result<TimePoint> AdmissionProofs::names_count_from() const {
  return last_change().map(promotion::admission::counts_from);
}

std::shared_ptr<AdmissionProofs::Entry> AdmissionProofs::entry_of(const std::string& ns) {
  const MutexLock lock(mutex_);
  std::shared_ptr<Entry>& entry = entries_[ns];
  if (!entry) entry = std::make_shared<Entry>();
  return entry;
}

AdmissionState AdmissionProofs::answer(const std::string& ns, const Wanted& wanted) {
  const std::shared_ptr<Entry> entry = entry_of(ns);
  bool changed = false;
  AdmissionState out;
  {
    const MutexLock lock(entry->mutex);
    const TimePoint now = ports_.clock.now();
    const bool enough = entry->begun > wanted.after && (entry->state.pins || !wanted.pins);
    const bool fresh = entry->state.at + wanted.memory > now && entry->state.at <= now;
    if (enough && fresh) return entry->state;
    // Once the guard of the pins was asked it stays asked: an answer without it mends nothing.
    const AdmissionState before = entry->state;
    const bool first = entry->begun == 0;
    entry->begun = ticket();
    AdmissionState state = ask(ns, wanted.pins || before.pins);
    if (state.proof == Proof::kIntact && is_fault(before))
      entry->restored = promotion::admission::counts_from(state.at);
    // Not being able to ask mends nothing.
    if (state.proof == Proof::kUnknown && is_fault(before)) state.proof = Proof::kBroken;
    state.counts_from = std::max(state.counts_from, entry->restored);
    changed = first || state.proof != before.proof || state.counts_from != before.counts_from ||
              state.message != before.message;
    entry->state = state;
    out = std::move(state);
  }
  if (changed && ports_.on_change) ports_.on_change(ns, out);
  return out;
}

AdmissionState AdmissionProofs::ask(const std::string& ns, bool pins) const {
  AdmissionState out{.proof = Proof::kIntact, .pins = pins};
  for (const Canary& canary : promotion::admission::canaries()) {
    if (canary.pins && !pins) continue;
    const auto judged = promotion::admission::judge(canary, send(ports_.api, canary, ns));
    if (ports_.on_try) ports_.on_try(canary.policy, judged.proof);
    if (judged.proof == Proof::kIntact) continue;
    // One that was let through says more than one that could not be asked.
    const bool worse = out.proof == Proof::kIntact || judged.proof == Proof::kBroken;
    if (!worse || is_fault(out)) continue;
    out.proof = judged.proof;
    out.message = judged.message;
  }
  // After the tries: what was exchanged meanwhile bears a later time.
  const Result<TimePoint> change = last_change();
  if (change) {
    out.counts_from = promotion::admission::counts_from(*change);
  } else if (out.proof == Proof::kIntact) {
    out.proof = promotion::admission::unanswered(change.error()) ? Proof::kUnknown : Proof::kBroken;
    out.message = "it cannot be told since when the admission policies are in force: " +
                  change.error().message;
  }
  out.at = ports_.clock.now();
  return out;
}

Result<TimePoint> AdmissionProofs::last_change() const {
  TimePoint last{};
  for (const Canary& canary : promotion::admission::canaries()) {
    if (!canary.dates) continue;
    SK_TRY(const TimePoint policy, change_of<ValidatingAdmissionPolicy>(ports_.api, canary.policy));
    SK_TRY(const TimePoint binding,
           change_of<ValidatingAdmissionPolicyBinding>(ports_.api, canary.policy));
    last = std::max({last, policy, binding});
  }
  return last;
}

}  // namespace stagekeeper
