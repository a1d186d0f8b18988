#include "tests/explorer/scopes.h"

#include <algorithm>

namespace stagekeeper::explorer {
namespace {

using nlohmann::json;
using operator_test::kNs;
using operator_test::kTarget;

bool always(Room& /*room*/) {
  return true;
}

bool awaits(Room& room, const std::string& request) {
  return room.phase_of(request) == "AwaitingApproval";
}

Deed approve(const std::string& request, const std::string& who) {
  return {.name = who + " approves " + request,
          .possible = [request](Room& room) { return awaits(room, request); },
          .act = [request, who](Room& room) { room.answer(request, who); }};
}

Deed reject(const std::string& request, const std::string& who) {
  return {.name = who + " rejects " + request,
          .possible =
              [request](Room& room) {
                return room.get(kube::type_of<PromotionRequest>(), request).has_value();
              },
          .act = [request, who](Room& room) { room.answer(request, who, false); }};
}

/// Ended or not: deleted, and created again from the same manifest.
Deed recreate(const std::string& request) {
  return {.name = "somebody deletes and re-creates " + request,
          .possible =
              [request](Room& room) {
                const auto object = room.get(kube::type_of<PromotionRequest>(), request);
                return object && (*object)["metadata"].value("finalizers", json::array()).empty();
              },
          .act =
              [request](Room& room) {
                json object = *room.get(kube::type_of<PromotionRequest>(), request);
                room.remove_request(request);
                object["metadata"]["uid"] = object["metadata"]["uid"].get<std::string>() + "-again";
                object["metadata"].erase("resourceVersion");
                object.erase("status");
                room.api.put(kube::type_of<PromotionRequest>(), object);
              }};
}

Deed drop(const std::string& request) {
  return {.name = "somebody deletes " + request,
          .possible =
              [request](Room& room) {
                const auto object = room.get(kube::type_of<PromotionRequest>(), request);
                return object && !(*object)["metadata"].contains("deletionTimestamp");
              },
          .act = [request](Room& room) { room.remove_request(request); }};
}

Deed new_image() {
  return {
      .name = "somebody changes the serving template", .possible = always, .act = [](Room& room) {
        room.edit<Deployment>(kTarget, [](json& object) {
          object["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/new@sha256:2";
        });
      }};
}

Deed roll_back(const std::string& name) {
  return {
      .name = "somebody asks to roll back",
      .possible = [](Room& room) { return !room.pin_of(kTarget).empty(); },
      .act = [name](Room& room) { room.ask("", "Production", RequestAction::kRollback, name); }};
}

/// Asks that another request ends.
Deed abort(const std::string& request) {
  return {.name = "somebody aborts " + request,
          .possible =
              [request](Room& room) {
                return room.get(kube::type_of<PromotionRequest>(), request).has_value();
              },
          .act =
              [request](Room& room) {
                room.ask("", "Production", RequestAction::kAbort, "stop");
                room.edit<PromotionRequest>(
                    "stop", [&](json& object) { object["spec"]["request"] = {{"name", request}}; });
              }};
}

/// A GitOps tool makes the Deployment anew from a manifest that knows nothing of pins.
Deed deployment_again() {
  return {.name = "somebody deletes and re-creates the Deployment",
          .possible = always,
          .act = [](Room& room) {
            json made = *room.get(kube::type_of<Deployment>(), kTarget);
            room.api.remove(kube::type_of<Deployment>(), {kNs, kTarget});
            made.erase("status");
            const std::string uid = made["metadata"]["uid"].get<std::string>() + "-again";
            made["metadata"] = {
                {"name", kTarget}, {"namespace", kNs}, {"uid", uid}, {"generation", 1}};
            made["spec"]["template"]["spec"]["containers"][0].erase("env");
            room.api.put(kube::type_of<Deployment>(), made);
          }};
}

/// Brings a version up to a stage before anything is explored.
void promote(Room& room, const std::string& version, const std::string& upto) {
  room.promote(version, "Staging");
  if (upto == "Production") room.promote(version, "Production");
}

/// Asks for Production and has it approved; what follows is explored.
void ask_approved(Room& room, const std::string& version) {
  const std::string request = room.ask(version, "Production");
  room.settle();
  room.answer(request, "mia");
}

/// Version 1 serves, and version 2 is approved.
void second_approved(Room& room) {
  promote(room, "1", "Production");
  promote(room, "2", "Staging");
  ask_approved(room, "2");
}

void first_asked(Room& room) {
  promote(room, "1", "Staging");
  room.ask("1", "Production");
  room.settle();
}

Deed lose(const std::string& request) {
  Deed out = drop(request);
  out.name = "somebody takes the finalizer off " + request + " and deletes it";
  out.act = [request](Room& room) {
    room.edit<PromotionRequest>(
        request, [](json& object) { object["metadata"]["finalizers"] = json::array(); });
    room.remove_request(request);
  };
  return out;
}

Deed lose_target() {
  return {
      .name = "somebody deletes the ServingTarget",
      .possible =
          [](Room& room) { return room.get(kube::type_of<ServingTarget>(), kTarget).has_value(); },
      .act = [](Room& room) { room.api.remove(kube::type_of<ServingTarget>(), {kNs, kTarget}); }};
}

Deed ask(const std::string& version, const std::string& stage) {
  return {.name = "somebody asks for version " + version + " in " + stage,
          .possible = always,
          .act = [version, stage](Room& room) { room.ask(version, stage); }};
}

Deed distrust() {
  return {.name = "the probe says that the bucket does not lock",
          .possible = always,
          .act = {},
          .distrust = true};
}

/// Another artifact under a number that is in the records.
void reuse_number(Room& room) {
  promote(room, "1", "Staging");
  room.edit<ModelVersion>("credit-risk-1", [](json& object) {
    object["spec"]["artifact"]["digest"] = sha256_digest("another artifact").str();
  });
  room.ask("1", "Staging", RequestAction::kPromote, "again");
}

/// As many ends without effect as an hour takes, and one more is asked for.
void use_up_quota(Room& room) {
  promote(room, "1", "Production");
  for (int i = 0; i < 20; ++i)
    room.ask("", "Production", RequestAction::kRollback, "back-" + std::to_string(i));
  room.settle();
  room.ask("", "Production", RequestAction::kRollback, "one-more");
}

/// Version 1 serves both targets, and version 2 is wanted on one of them.
void ask_for_one(Room& room) {
  promote(room, "1", "Production");
  promote(room, "2", "Staging");
  const std::string request = room.ask("2", "Production");
  room.edit<PromotionRequest>(
      request, [](json& object) { object["spec"]["targets"] = json::array({kTarget}); });
  room.settle();
  room.answer(request, "mia");
}

std::vector<Scope> scopes_of_evaluation() {
  return {
      {.name = "staging",
       .begin = [](Room& room) { room.ask("1", "Staging"); },
       .deeds = {drop("1-staging"), recreate("1-staging")}},
      {.name = "a gate fails",
       .begin = [](Room& room) { room.ask("1", "Staging"); },
       .deeds = {recreate("1-staging")},
       .verdict = gates::Verdict::kFailed},
      {.name = "two for one candidate",
       .begin =
           [](Room& room) {
             room.ask("1", "Staging");
             room.ask("2", "Staging");
           },
       .deeds = {drop("1-staging")}},
      {.name = "too early",
       .begin = [](Room& room) { room.ask("1", "Production"); },
       .deeds = {ask("1", "Staging"), approve("1-production", "mia")},
       .rests = {"AwaitingApproval", "WaitingForStage"}},
      {.name = "a number again", .begin = reuse_number},
      {.name = "quota", .begin = use_up_quota, .rests = {"RecordQuota"}},
  };
}

std::vector<Scope> scopes_of_review() {
  return {
      {.name = "review",
       .begin = first_asked,
       .deeds = {approve("1-production", "mia"), reject("1-production", "nora"), new_image(),
                 drop("1-production")}},
      {.name = "abort of a review",
       .begin = first_asked,
       .deeds = {approve("1-production", "mia"), abort("1-production")}},
      {.name = "one's own approval",
       .begin = first_asked,
       .deeds = {approve("1-production", "priya")}},
      {.name = "distrust",
       .begin = first_asked,
       .deeds = {approve("1-production", "mia"), distrust()},
       .rests = {"AwaitingApproval", "AuditStoreNotTrusted"}},
  };
}

std::vector<Scope> scopes_of_rollout() {
  return {
      {.name = "never ready",
       .begin = second_approved,
       .deeds = {drop("2-production")},
       .sick = {"2"}},
      {.name = "smoke test fails",
       .begin = second_approved,
       .deeds = {recreate("2-production")},
       .verdict = gates::Verdict::kFailed,
       .smoke_only = true},
      {.name = "rollback",
       .begin =
           [](Room& room) {
             promote(room, "1", "Production");
             promote(room, "2", "Production");
             room.ask("", "Production", RequestAction::kRollback, "back");
           },
       .deeds = {recreate("back"), new_image()}},
      {.name = "abort of a rollout",
       .begin = second_approved,
       .deeds = {abort("2-production"), roll_back("back")}},
      {.name = "Deployment again",
       .begin = [](Room& room) { promote(room, "1", "Production"); },
       .deeds = {deployment_again(), roll_back("back")}},
      {.name = "rollback during a rollout", .begin = second_approved, .deeds = {roll_back("back")}},
      {.name = "lost request",
       .begin = second_approved,
       .deeds = {lose("2-production")},
       .held = false},
      {.name = "lost target",
       .begin = second_approved,
       .deeds = {lose_target(), drop("2-production")},
       .rests = {"AwaitingApproval", "TargetMissing"}},
      {.name = "two targets",
       .room = {.two_targets = true},
       .begin =
           [](Room& room) {
             promote(room, "1", "Staging");
             ask_approved(room, "1");
           },
       .deeds = {new_image()}},
      {.name = "one of two targets", .room = {.two_targets = true}, .begin = ask_for_one},
  };
}

std::vector<Scope> make_scopes() {
  std::vector<Scope> out = scopes_of_rollout();
  for (auto* more : {&scopes_of_review, &scopes_of_evaluation}) {
    for (Scope& scope : (*more)())
      out.push_back(std::move(scope));
  }
  return out;
}

}  // namespace

const std::vector<Scope>& scopes() {
  static const std::vector<Scope> all = make_scopes();
  return all;
}

const Scope& scope_of(const std::string& name) {
  return *std::ranges::find(scopes(), name, &Scope::name);
}

}  // namespace stagekeeper::explorer
