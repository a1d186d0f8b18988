#include "operator/views/model_controller.h"

#include "base/text.h"
#include "kube/objects.h"
#include "operator/controllers/pending_status.h"
#include "operator/promotions/target_reader.h"
#include "operator/views/policy_controller.h"
#include "promotion/decide.h"
#include "promotion/views/object_views.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using nlohmann::json;

/// The record that brought a version where it is, and where that is. A null record: None.
struct Place {
  const RecordFact* record = nullptr;
  std::string stage = kStageNone;
};

Place place_of(const History& ledger, const ModelVersion& version) {
  Place out;
  const auto moves = ledger.moves_of(version.version, version.artifact_digest);
  if (moves.empty()) return out;
  out.record = moves.back();
  for (const StageMove& move : out.record->moves) {
    if (move.version.version == version.version && move.version.digest == version.artifact_digest)
      out.stage = move.version.stage;
  }
  return out;
}

/// The version that entered a stage last and is still there, by the records alone: its object may
/// be gone. A null record: the stage is empty.
struct Occupant {
  const RecordFact* record = nullptr;
  std::string version;
};

Occupant occupant_of(const History& ledger, const std::string& stage) {
  std::vector<const VersionRef*> seen;  // whose last move was found
  for (std::uint64_t sequence = ledger.head_sequence(); sequence > 0; --sequence) {
    const RecordFact* record = ledger.at(sequence);
    for (const StageMove& move : record->moves) {
      const bool later = std::ranges::any_of(
          seen, [&](const VersionRef* each) { return same_version(*each, move.version); });
      if (later) continue;
      if (move.version.stage == stage) return {record, move.version.version};
      seen.push_back(&move.version);
    }
  }
  return {};
}

/// Shows facts in the status of a live object where they are not shown yet. `patch_of` makes the
/// patch from the object. Returns how many writes that took.
template <typename T, typename PatchOf>
Result<int> show(const Environment& env, const kube::ObjectKey& key, const PatchOf& patch_of) {
  const kube::Objects<T> objects(env.api);
  SK_TRY(const auto current, objects.read(key));
  if (!current) return 0;
  SK_TRY(const std::string patch, patch_of(*current));
  if (patch.empty()) return 0;
  SK_CHECK_OK(may_act(env));
  if (const Status s = kube::unless_gone(objects.patch_status(key, patch)); !s)
    return fail(s.error(), fmt::format("publish {} {}", Resource<T>::kind, key.name));
  return 1;
}

}  // namespace

/// What is known of one model at one moment.
struct ModelController::Model {
  std::string ns;
  std::string name;
  runtime::Store<PromotionPolicy>::Ptr policy;
  std::vector<runtime::Store<ModelVersion>::Ptr> versions;
  std::vector<Place> places;  ///< of each version
  std::vector<runtime::Store<PromotionRequest>::Ptr> open;
  History ledger;
};

Result<runtime::Next> ModelController::reconcile(const runtime::Key& key) {
  SK_TRY(const Model model, read(key));
  SK_CHECK_OK(wake_lost_targets(model));
  SK_TRY(const int versions, show_versions(model));
  SK_TRY(const int stages, show_stages(model));
  SK_TRY(const int head, show_head(model));
  const int writes = versions + stages + head;
  return runtime::Next::await_change().because(
      "Shown", writes == 0 ? std::string() : fmt::format("{} statuses", writes));
}

Result<ModelController::Model> ModelController::read(const runtime::Key& key) const {
  Model out;
  out.ns = key.ns;
  out.name = key.name;
  const std::string index = in_ns(key.ns, key.name);
  out.policy = env_.stores.policies.get({key.ns, key.name});
  out.versions = env_.stores.versions.find("model", index);
  for (auto& request : env_.stores.requests.find("model", index)) {
    if (!promotion::shown_end(*request)) out.open.push_back(std::move(request));
  }
  Result<History> ledger = read_ledger(env_, key.ns, model_ledger(key.name),
                                       out.policy ? out.policy->ledger_head : std::nullopt);
  if (!ledger) return fail(ledger.error(), "show the model");
  out.ledger = std::move(*ledger);
  out.places.reserve(out.versions.size());
  for (const auto& version : out.versions)
    out.places.push_back(place_of(out.ledger, *version));
  return out;
}

Status ModelController::wake_lost_targets(const Model& model) const {
  for (const std::string& name : model.ledger.targets()) {
    if (env_.stores.targets.get({model.ns, name})) continue;
    Result<History> found = env_.ledgers.view(model.ns, target_ledger(name));
    if (!found && found.error().code == ErrorCode::kCorrupt) continue;  // nothing to be done there
    SK_TRY(const History ledger, std::move(found));
    if (ledger.open_intent() != nullptr) env_.waker.wake(kTargetKey, model.ns, name);
  }
  return {};
}

Result<int> ModelController::show_versions(const Model& model) const {
  int writes = 0;
  for (std::size_t i = 0; i < model.versions.size(); ++i) {
    const ModelVersion& version = *model.versions[i];
    const Place& place = model.places[i];
    const std::string digest = place.record == nullptr ? "" : place.record->digest;
    // The cache is right: nothing to read or write.
    if (version.status_stage == place.stage && version.status_record == digest) continue;
    const auto patch_of = [&](const kube::Read<ModelVersion>& live) {
      return promotion::version_status_patch(live.object, place.stage, place.record, live.json,
                                             env_.clock.now());
    };
    SK_TRY(const int written,
           stagekeeper::show<ModelVersion>(env_, {version.meta.ns, version.meta.name}, patch_of));
    writes += written;
  }
  return writes;
}

Result<int> ModelController::show_stages(const Model& model) const {
  int writes = 0;
  if (!model.policy) return writes;
  for (const StageSpec& stage : model.policy->stages) {
    SK_TRY(const int written, show_stage(model, stage));
    writes += written;
  }
  return writes;
}

Result<int> ModelController::show_stage(const Model& model, const StageSpec& stage) const {
  const std::string name = model.name + "." + lower_ascii(stage.name);
  int writes = 0;
  if (!env_.stores.stages.get({model.ns, name})) {
    const json object = {{"apiVersion", kGroupVersion},
                         {"kind", Resource<ModelStage>::kind},
                         {"metadata", {{"name", name}, {"namespace", model.ns}}}};
    SK_CHECK_OK(may_act(env_));
    const auto made = kube::Objects<ModelStage>(env_.api).create(model.ns, object.dump());
    if (!made && made.error().code != ErrorCode::kAlreadyExists)
      return fail(made.error(), "create ModelStage " + name);
    ++writes;
  }
  const Occupant occupant = occupant_of(model.ledger, stage.name);
  std::vector<std::string> waiting;
  for (const auto& request : model.open) {
    if (request->stage == stage.name) waiting.push_back(request->meta.name);
  }
  const auto patch_of = [&](const kube::Read<ModelStage>& live) {
    return promotion::stage_status_patch({.meta = live.object.meta,
                                          .model = model.name,
                                          .stage = stage.name,
                                          .version = occupant.version,
                                          .record = occupant.record,
                                          .waiting = waiting},
                                         live.json, env_.clock.now());
  };
  SK_TRY(const int written, stagekeeper::show<ModelStage>(env_, {model.ns, name}, patch_of));
  return writes + written;
}

/// The head is what the bucket must never fall behind, and a pending record below it is done.
Result<int> ModelController::show_head(const Model& model) const {
  if (!model.policy || model.ledger.empty()) return 0;
  const std::optional<LedgerHead>& head = model.policy->ledger_head;
  const bool shown = head && head->sequence == model.ledger.head_sequence() &&
                     head->digest == model.ledger.head_digest();
  if (shown && !model.policy->pending) return 0;
  const promotion::StoreState store = store_state(env_);
  const auto patch_of = [&](const kube::Read<PromotionPolicy>& live) -> Result<std::string> {
    // Another replica has shown more; or it is the bucket that fell behind, which the next round
    // finds out from what is shown. It is never lowered.
    if (live.object.ledger_head && live.object.ledger_head->sequence > model.ledger.head_sequence())
      return std::string();
    const promotion::References references = references_of(env_.stores, live.object);
    return promotion::policy_status_patch(
        {.policy = live.object,
         .references = references,
         .store = store,
         .ledger_json = ledger_status(model.ledger, live.object.pending),
         .admission = known_admission(env_, live.object)},
        live.json, env_.clock.now());
  };
  return stagekeeper::show<PromotionPolicy>(env_, {model.ns, model.name}, patch_of);
}

}  // namespace stagekeeper
