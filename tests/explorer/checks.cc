#include "tests/explorer/checks.h"

#include "model/decode.h"
#include "promotion/decide.h"
#include "promotion/digests.h"
#include "promotion/records/records.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::explorer {
namespace {

using nlohmann::json;
using operator_test::kCluster;
using operator_test::kModel;
using operator_test::kNs;

constexpr std::size_t kQuota = 20;

/// The pins of a version as the room's targets render them.
std::string pins_text(const VersionRef& version) {
  if (version.version.empty()) return "";
  return fmt::format("MODEL_VERSION={};MODEL_DIGEST={};", version.version, version.digest);
}

std::string pins_in(const json& deployment) {
  std::string out;
  for (const char* pin : {"MODEL_VERSION", "MODEL_DIGEST"}) {
    for (const json& container : deployment["spec"]["template"]["spec"]["containers"]) {
      for (const json& env : container.value("env", json::array())) {
        if (env["name"] == pin) out += fmt::format("{}={};", pin, env.value("value", ""));
      }
    }
  }
  return out;
}

std::string label(const json& object, const char* key) {
  const json& metadata = object["metadata"];
  const auto labels = metadata.find("labels");
  return labels == metadata.end() ? "" : labels->value(key, "");
}

bool is_held(const json& request) {
  const json finalizers = request["metadata"].value("finalizers", json::array());
  return std::ranges::find(finalizers, json(kFinalizer)) != finalizers.end();
}

std::string identity(const VersionRef& version) {
  return version.version + "@" + version.digest;
}

LedgerName target_ledger_of(const std::string& target) {
  return {.kind = LedgerKind::kTarget, .name = target};
}

const LedgerName kModelLedger{.kind = LedgerKind::kModel, .name = kModel};

std::optional<promotion::Phase> ended_phase(const json& request) {
  const json status = request.value("status", json::object());
  const auto phase = promotion::phase_of(status.value("phase", ""));
  return phase && promotion::is_terminal(*phase) ? phase : std::nullopt;
}

}  // namespace

void Checks::violate(const std::string& what) {
  if (violation_.empty()) violation_ = what;
}

void Checks::begin() {
  room_.api.each(kube::type_of<Deployment>(), [&](const json& deployment) {
    if (!label(deployment, kCloneLabel).empty()) return;
    pins_[deployment["metadata"]["name"]] = pins_in(deployment);
    uids_[deployment["metadata"]["name"]] = deployment["metadata"]["uid"];
  });
  after_write("");
  violation_.clear();
}

std::string Checks::pins_of(const std::string& deployment) {
  const auto object = room_.get(kube::type_of<Deployment>(), deployment);
  return object ? pins_in(*object) : "";
}

void Checks::after_write(const std::string& what) {
  if (what.find("/deployments/") != std::string::npos) check_pins();
  if (what.starts_with("PUT ") || what.empty()) check_records();
  if (what.starts_with("POST ") || what.empty()) check_belongings();
}

void Checks::after_move() {
  check_pins();
  check_records();
  check_holders();
  check_shown();
}

void Checks::at_rest() {
  // Without a bucket everything stays as it is.
  for (const auto& [target, pins] : pins_) {
    const History ledger = room_.target_history(target);
    if (!trusted) continue;
    if (const RecordFact* open = ledger.open_intent()) {
      return violate(fmt::format("Intent {} of {} stays open on {}", open->sequence,
                                 open->request.name, target));
    }
    const RecordFact* serving = ledger.serving();
    const std::string right = serving == nullptr ? "" : pins_text(serving->to);
    // A Deployment without ServingTarget is nobody's to put right.
    if (room_.get(kube::type_of<ServingTarget>(), target) && pins != right) {
      violate(fmt::format("{} bears '{}' at rest, and serves '{}' by record", target, pins, right));
    }
  }
  check_requests_at_rest();
  check_stages();
  check_approvals();
}

void Checks::check_pins() {
  room_.api.each(kube::type_of<Deployment>(), [&](const json& deployment) {
    if (!label(deployment, kCloneLabel).empty()) return;
    const std::string target = deployment["metadata"]["name"];
    std::string now = pins_in(deployment);
    std::string& before = pins_[target];
    // Another object, which whoever made it has made without pins.
    std::string& uid = uids_[target];
    const std::string is = deployment["metadata"]["uid"];
    if (!uid.empty() && uid != is) before.clear();
    uid = is;
    if (now == before) return;
    const std::string was = std::exchange(before, std::move(now));
    changed_.emplace_back(target, was);
  });
  for (const auto& [target, was] : std::exchange(changed_, {}))
    check_pin(target, was, pins_[target]);
}

/// The Deployment that the last Restored record names.
std::string Checks::restored_uid(const std::string& target) {
  const RecordFact* last = room_.target_history(target).last_restored();
  if (last == nullptr) return "";
  const auto record = room_.auditor.read({.cluster = operator_test::kCluster,
                                          .ns = operator_test::kNs,
                                          .kind = LedgerKind::kTarget,
                                          .name = target},
                                         last->sequence);
  return json::parse(record.value().content.body).value("deploymentUid", "");
}

void Checks::check_pin(const std::string& target, const std::string& was, const std::string& now) {
  if (!trusted && !late) violate("a pin changed while the bucket was not trusted");
  const History ledger = room_.target_history(target);
  const RecordFact* intent = ledger.open_intent();
  // Back to what serves by record, on a Deployment that was made anew, after that was recorded.
  const RecordFact* restored = ledger.last_restored();
  const bool puts_back = intent == nullptr && restored != nullptr && was.empty() &&
                         now == pins_text(ledger.serving()->to) &&
                         restored_uid(target) == uids_[target];
  if (puts_back) return;
  if (intent == nullptr) {
    return violate(fmt::format("the pins of {} went from '{}' to '{}' without an open Intent",
                               target, was, now));
  }
  const auto request = room_.get(kube::type_of<PromotionRequest>(), intent->request.name);
  const bool lost = !request || (*request)["metadata"]["uid"] != intent->request.uid;
  const RecordFact* serving = ledger.serving();
  const std::string before = serving == nullptr ? "" : pins_text(serving->to);
  if (lost && now == before) return;  // an orphan's pins are put back
  if (now != pins_text(intent->to)) {
    return violate(fmt::format("the pins of {} became '{}', and its Intent says '{}'", target, now,
                               pins_text(intent->to)));
  }
  const std::string which = fmt::format("{}/{}", target, intent->sequence);
  if (!carried_out_.insert(which).second) violate("an Intent was carried out twice: " + which);
  if (rejected_.contains(which)) violate("a pin changed after people had said no");
  if (ended_.contains(intent->request.uid)) violate("a pin changed by a request that has ended");
  check_decided(*intent, target);
}

void Checks::check_decided(const RecordFact& intent, const std::string& target) {
  const History model = room_.model_history();
  const RecordFact* decided = model.last_of(RecordKind::kDecided, intent.request.uid);
  if (decided == nullptr || decided->digest != intent.decided)
    return violate("an Intent was carried out that no Decided record names");
  if (std::ranges::find(decided->targets, target) == decided->targets.end())
    violate("a pin changed on a target that was not decided on");
  if (decided->action != name(RequestAction::kPromote)) return;
  if (scope_.verdict != gates::Verdict::kPassed && !scope_.smoke_only)
    violate("a pin changed although a gate did not pass");
  const auto record = room_.auditor.read(
      {.cluster = kCluster, .ns = kNs, .kind = LedgerKind::kModel, .name = kModel},
      decided->sequence);
  if (!record) return violate("a Decided record cannot be read back: " + record.error().message);
  const auto facts = promotion::decided_facts_of(*decided, record->content.body);
  if (!facts) return violate("a Decided record cannot be read back: " + facts.error().message);
  const bool counted = std::ranges::any_of(facts->approvals, [&](const auto& view) {
    const auto approval = room_.get(kube::type_of<Approval>(), view.name);
    const json spec = approval ? (*approval)["spec"] : json::object();
    return view.counted && spec.value("decisionDigest", "") == decided->decision_digest &&
           spec.value("decision", "") == "Approve" &&
           spec.value("/approver/username"_json_pointer, "") != decided->requester.username;
  });
  if (!counted) violate("a pin changed by a decision that nobody else approved");
}

void Checks::check_records() {
  std::vector<LedgerName> ledgers = {kModelLedger};
  for (const auto& [target, pins] : pins_)
    ledgers.push_back(target_ledger_of(target));
  for (const LedgerName& ledger : ledgers) {
    const History history = room_.ledger_of(ledger);
    std::uint64_t& head = heads_[std::string(name(ledger.kind)) + ledger.name];
    while (head < history.head_sequence())
      check_record(ledger, *history.at(++head));
  }
}

void Checks::check_record(const LedgerName& ledger, const RecordFact& record) {
  if (record.request.uid.empty()) return;
  if (!trusted && !late) violate("a record was written while the bucket was not trusted");
  const History model = room_.model_history();
  const RecordFact* end = model.conclusion(record.request);
  const auto before = names_.find(record.request.name);
  const bool created_again = before != names_.end() && before->second != record.request.uid;
  const bool again = created_again || (end != nullptr && end->digest != record.digest &&
                                       ended_.contains(record.request.uid));
  // The ledgers of targets and that of the model know nothing of each other: an Intent may be
  // recorded just after the request has ended. It is never carried out, and closed.
  const bool closes = record.kind == RecordKind::kAbandoned;
  if (again && !closes && !(late && record.kind == RecordKind::kIntent))
    violate(fmt::format("request {} has ended, and recorded {}", record.request.name,
                        name(record.kind)));
  if (!record.to.version.empty() && !record.to.digest.empty()) {
    const auto [known, fresh] = digests_.emplace(record.to.version, record.to.digest);
    if (!fresh && known->second != record.to.digest)
      violate("a version's number stands for two artifacts in the records");
  }
  if (record.kind == RecordKind::kDecided) {
    const auto all = model.of_request(record.request.uid);
    if (std::ranges::count(all, RecordKind::kDecided, &RecordFact::kind) > 1)
      violate("a request was decided twice");
  }
  if (record.kind == RecordKind::kIntent && record.action == name(RequestAction::kPromote)) {
    room_.api.each(kube::type_of<Approval>(), [&](const json& approval) {
      const json& spec = approval["spec"];
      if (spec["request"]["uid"] == record.request.uid && spec["decision"] == "Reject")
        rejected_.insert(fmt::format("{}/{}", ledger.name, record.sequence));
    });
  }
  if (record.of != 0) check_closing(record);
  if (record.kind == RecordKind::kApplied) {
    if (room_.get(kube::type_of<Deployment>(), ledger.name) &&
        pins_of(ledger.name) != pins_text(record.to))
      violate("recorded as applied, and the Deployment bears other pins");
  }
  if (record.kind != RecordKind::kConcluded) return;
  ended_.insert(record.request.uid);
  names_[record.request.name] = record.request.uid;
  check_moves(record);
  for (const auto& [target, pins] : pins_) {
    const RecordFact* open = room_.target_history(target).open_intent();
    if (open != nullptr && open->request.uid == record.request.uid)
      violate("a request ended while an Intent of it is open on " + target);
  }
  if (model.concluded_since(Effect::kNone, room_.clock.now() - std::chrono::hours(1)) > kQuota)
    violate("a requester can fill the ledger: more ends without effect than its quota");
}

void Checks::check_closing(const RecordFact& record) {
  if (record.kind != RecordKind::kApplied) return;
  const bool back = record.action != name(RequestAction::kPromote);
  if (back) return;
  if (scope_.sick.contains(record.to.version))
    violate("recorded as applied, and it never got ready");
  if (scope_.smoke_only && scope_.verdict != gates::Verdict::kPassed)
    violate("recorded as applied, and its smoke test did not pass");
}

void Checks::check_moves(const RecordFact& record) {
  const auto policy = room_.get(kube::type_of<PromotionPolicy>(), kModel);
  for (const StageMove& move : record.moves) {
    const std::string was = stages_.contains(identity(move.version))
                                ? stages_[identity(move.version)]
                                : std::string(kStageNone);
    stages_[identity(move.version)] = move.version.stage;
    if (move.from != was)
      violate(fmt::format("version {} moves from {}, where it is not", move.version.version,
                          move.from));
    if (move.version.stage == kStageArchived) {
      for (const auto& [target, pins] : pins_) {
        if (pins == pins_text(move.version))
          violate(fmt::format("version {} is archived, and {} serves it", move.version.version,
                              target));
      }
      continue;
    }
    if (record.action != name(RequestAction::kPromote)) continue;
    if (scope_.verdict != gates::Verdict::kPassed && !scope_.smoke_only)
      violate("a version entered a stage although a gate did not pass");
    for (const json& stage : (*policy)["spec"]["stages"]) {
      if (stage["name"] != move.version.stage) continue;
      if (std::ranges::find(stage["from"], json(was)) == stage["from"].end())
        violate(fmt::format("version {} entered {} from {}, which the policy forbids",
                            move.version.version, move.version.stage, was));
    }
  }
}

const RecordFact* Checks::end_of(const json& request) {
  const std::string uid = request["metadata"]["uid"];
  auto found = refs_.find(uid);
  if (found == refs_.end()) {
    const auto decoded = decode<PromotionRequest>(request.dump());
    if (!decoded) return nullptr;
    found = refs_
                .emplace(uid, RequestRef{.name = decoded->meta.name,
                                         .uid = uid,
                                         .spec_digest = request_digest(*decoded)})
                .first;
  }
  return room_.model_history().conclusion(found->second);
}

/// What is new must not be of a request that has ended.
void Checks::check_belongings() {
  std::map<std::string, std::string> fresh;  // uid of a request → what was made
  for (const auto& type : {kube::type_of<Job>(), kube::type_of<Deployment>()}) {
    room_.api.each(type, [&](const json& object) {
      const std::string uid = label(object, kRequestUidLabel);
      if (uid.empty() || !owned_.insert(object["metadata"]["uid"]).second) return;
      if (late) late_.insert(object["metadata"]["uid"]);
      fresh[uid] = type.kind + " " + object["metadata"]["name"].get<std::string>();
    });
  }
  if (fresh.empty() || late) return;
  std::set<std::string> cloned;
  room_.api.each(kube::type_of<Deployment>(), [&](const json& deployment) {
    cloned.insert(label(deployment, kRequestUidLabel));
  });
  const History model = room_.model_history();
  for (const auto& [uid, what] : fresh) {
    const bool smoke = model.last_of(RecordKind::kDecided, uid) != nullptr;
    if (what.starts_with("Job") && !smoke && !cloned.contains(uid))
      violate("a gate is run for a request that has no clone");
  }
  for (const json& request : room_.api.all(kube::type_of<PromotionRequest>())) {
    const auto made = fresh.find(request["metadata"]["uid"]);
    if (made != fresh.end() && end_of(request) != nullptr)
      violate("a request that has ended made " + made->second);
  }
}

/// Whoever owns something can be found until it is gone.
void Checks::check_holders() {
  std::set<std::string> held;
  for (const json& request : room_.api.all(kube::type_of<PromotionRequest>())) {
    const std::string uid = request["metadata"]["uid"];
    if (!is_held(request)) continue;
    held.insert(uid);
    const RecordFact* end = end_of(request);
    if (end != nullptr && end->request.uid != uid)
      violate("a request that had ended before it was created again takes a finalizer");
  }
  if (!scope_.held) return;
  for (const auto& type : {kube::type_of<Job>(), kube::type_of<Deployment>()}) {
    room_.api.each(type, [&](const json& object) {
      const std::string uid = label(object, kRequestUidLabel);
      if (uid.empty() || held.contains(uid) || late_.contains(object["metadata"]["uid"])) return;
      violate(fmt::format("{} {} is left of a request that nothing holds", type.kind,
                          object["metadata"]["name"].get<std::string>()));
    });
  }
}

/// An end that is shown was recorded, or follows from what was.
void Checks::check_shown() {
  for (const json& request : room_.api.all(kube::type_of<PromotionRequest>())) {
    const auto shown = ended_phase(request);
    if (!shown) continue;
    const RecordFact* end = end_of(request);
    if (end != nullptr && promotion::phase_of(end->code) == *shown) continue;
    const std::string reason = request["status"].value("reason", "");
    const bool computed = end == nullptr && (reason == "NoChange" || reason == "StageOrder" ||
                                             reason == "VersionReused");
    const bool leaving = request["metadata"].contains("deletionTimestamp");
    if (computed || (leaving && end == nullptr)) continue;
    violate(fmt::format("request {} shows {} {}, which no record says",
                        request["metadata"]["name"].get<std::string>(), promotion::name(*shown),
                        reason));
  }
}

}  // namespace stagekeeper::explorer
