#include "operator/controllers/model_controller.h"

#include "base/text.h"
#include "kube/request.h"
#include "operator/controllers/pending_status.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/decide.h"
#include "promotion/ledger_view.h"
#include "promotion/status_view.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace stagekeeper {
namespace {

using nlohmann::json;
using promotion::LedgerKind;
using promotion::LedgerView;
using promotion::RecordFact;

constexpr std::size_t kMaxWaiting = 32;

json record_json(const RecordFact& record, const char* ledger) {
  return {
      {"ledger", ledger}, {"sequence", std::to_string(record.sequence)}, {"digest", record.digest}};
}

bool has_ended(const PromotionRequest& request) {
  const auto phase = promotion::phase_of(request.phase);
  return phase && promotion::is_terminal(*phase);
}

}  // namespace

/// What is known of one model at one moment.
struct ModelController::Model {
  std::string ns;
  std::string name;
  runtime::Store<PromotionPolicy>::Ptr policy;
  std::vector<runtime::Store<ModelVersion>::Ptr> versions;
  std::vector<runtime::Store<PromotionRequest>::Ptr> requests;
  LedgerView ledger;
  std::vector<LedgerView> targets;

  /// The record that brought a version where it is, or null for None.
  [[nodiscard]] std::pair<const RecordFact*, const char*> placed_by(
      const std::string& version) const {
    for (const LedgerView& target : targets) {
      const RecordFact* serving = target.serving();
      if (serving != nullptr && serving->to.version == version) return {serving, "target"};
    }
    for (const RecordFact& record : std::views::reverse(ledger.records)) {
      const bool moved = record.kind == "Staged" || record.kind == "Archived";
      if (moved && record.to.version == version) return {&record, "model"};
    }
    return {nullptr, ""};
  }
};

Result<runtime::Next> ModelController::reconcile(const runtime::Key& key) {
  Result<Model> model = read(key);
  if (!model) return tl::unexpected(model.error());
  if (!model->policy && model->versions.empty()) return runtime::Next::await_change();
  if (Status s = show_versions(*model); !s) return tl::unexpected(s.error());
  if (Status s = show_stages(*model); !s) return tl::unexpected(s.error());
  if (Status s = show_policy(*model); !s) return tl::unexpected(s.error());
  return runtime::Next::await_change();
}

Result<ModelController::Model> ModelController::read(const runtime::Key& key) const {
  Model out;
  out.ns = key.ns;
  out.name = key.name;
  const std::string index = key.ns + "/" + key.name;
  out.policy = ports_.stores.policies.get({key.ns, key.name});
  out.versions = ports_.stores.versions.find("model", index);
  out.requests = ports_.stores.requests.find("model", index);
  auto ledger = ports_.ledgers.view(LedgerKind::kModel, key.ns, key.name);
  if (!ledger) return fail(ledger.error(), "show the model");
  out.ledger = std::move(*ledger);
  for (const auto& target : ports_.stores.targets.find("model", index)) {
    auto view = ports_.ledgers.view(LedgerKind::kTarget, key.ns, target->meta.name);
    if (!view) return fail(view.error(), "show the model");
    out.targets.push_back(std::move(*view));
  }
  return out;
}

Status ModelController::show_versions(const Model& model) const {
  for (const auto& version : model.versions) {
    const auto [record, ledger] = model.placed_by(version->version);
    const std::string stage = record == nullptr ? kStageNone : record->to.stage;
    const std::string digest = record == nullptr ? "" : record->digest;
    // The cache is right: nothing to read or write.
    if (version->status_stage == stage && version->status_record == digest) continue;
    json fields = {{"observedGeneration", version->meta.generation}, {"stage", stage}};
    if (record != nullptr) {
      fields["since"] = format_time(record->time);
      fields["record"] = record_json(*record, ledger);
    }
    fields["conditions"] = json::array({{{"type", "Ready"},
                                         {"status", "True"},
                                         {"reason", "Registered"},
                                         {"message", "in stage " + stage},
                                         {"observedGeneration", version->meta.generation}}});
    Status done = patch_status(resources::kModelVersions, {version->meta.ns, version->meta.name},
                               fields.dump());
    if (!done) return done;
  }
  return {};
}

Status ModelController::show_stages(const Model& model) const {
  if (!model.policy) return {};
  for (const StageSpec& stage : model.policy->stages) {
    if (Status s = show_stage(model, stage); !s) return s;
  }
  return {};
}

Status ModelController::show_stage(const Model& model, const StageSpec& stage) const {
  const std::string name = model.name + "." + lower_ascii(stage.name);
  if (!ports_.stores.stages.get({model.ns, name})) {
    const json object = {{"apiVersion", kGroupVersion},
                         {"kind", "Stage"},
                         {"metadata", {{"name", name}, {"namespace", model.ns}}}};
    Result<std::string> made =
        ports_.api.call(kube::create_request(resources::kStages, model.ns, object.dump()));
    if (!made && made.error().code != ErrorCode::kAlreadyExists)
      return fail(made.error(), "create Stage " + name);
  }
  const RecordFact* newest = nullptr;
  const char* newest_ledger = "";
  for (const auto& version : model.versions) {
    const auto [record, ledger] = model.placed_by(version->version);
    if (record == nullptr || record->to.stage != stage.name) continue;
    if (newest == nullptr || record->time > newest->time) {
      newest = record;
      newest_ledger = ledger;
    }
  }
  json waiting = json::array();
  for (const auto& request : model.requests) {
    if (waiting.size() == kMaxWaiting) break;
    if (request->stage == stage.name && !has_ended(*request)) waiting.push_back(request->meta.name);
  }
  const json ready = {{"type", "Ready"},
                      {"status", "True"},
                      {"reason", newest == nullptr ? "Empty" : "Occupied"},
                      {"message", newest == nullptr ? "no version is in this stage"
                                                    : "version " + newest->to.version}};
  json fields = {{"observedGeneration", 1},  // a Stage has no spec that could change
                 {"model", model.name},
                 {"stage", stage.name},
                 {"waiting", waiting},
                 {"conditions", json::array({ready})}};
  fields["version"] = nullptr;
  fields["since"] = nullptr;
  fields["record"] = nullptr;
  if (newest != nullptr) {
    fields["version"] = newest->to.version;
    fields["since"] = format_time(newest->time);
    fields["record"] = record_json(*newest, newest_ledger);
  }
  return patch_status(resources::kStages, {model.ns, name}, fields.dump());
}

Status ModelController::show_policy(const Model& model) const {
  if (!model.policy) return {};
  const promotion::StoreState store = ports_.trust.get();
  const std::int64_t generation = model.policy->meta.generation;
  const auto condition = [&](const char* type, bool ok, const std::string& reason,
                             const std::string& message) {
    return json{{"type", type},
                {"status", ok ? "True" : "False"},
                {"reason", reason},
                {"message", message},
                {"observedGeneration", generation}};
  };
  json fields = {
      {"observedGeneration", generation},
      {"conditions",
       json::array(
           {condition("AuditStoreTrusted", store.trusted, store.reason, store.message),
            condition("Ready", store.trusted, store.trusted ? "Ready" : store.reason,
                      store.trusted ? "requests for this model are worked on" : store.message)})}};
  if (!model.ledger.records.empty()) {
    fields["ledger"] = json::parse(ledger_status(model.ledger, model.policy->pending));
  }
  return patch_status(resources::kPolicies, {model.ns, model.name}, fields.dump());
}

Status ModelController::patch_status(const kube::ResourceType& type, const kube::ObjectKey& key,
                                     const std::string& fields) const {
  auto current = live::get_json(ports_.api, type, key);
  if (!current) return fail(current.error(), "read " + type.kind);
  if (!*current) return {};
  const json object = json::parse(**current, nullptr, false);
  if (object.is_discarded()) return fail(ErrorCode::kUnavailable, "malformed " + type.kind);
  ObjectMeta meta;
  meta.uid = object.value("/metadata/uid"_json_pointer, "");
  meta.resource_version = object.value("/metadata/resourceVersion"_json_pointer, "");
  Result<std::string> patch = promotion::status_patch(meta, fields, **current, ports_.clock.now());
  if (!patch) return tl::unexpected(patch.error());
  if (patch->empty()) return {};
  const Status done =
      live::unless_gone(ports_.api.call(kube::merge_patch_request(type, key, "status", *patch)),
                        "publish " + type.kind);
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace stagekeeper
