#include "promotion/decide.h"
#include "tests/explorer/checks.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::explorer {
namespace {

using nlohmann::json;

std::string name_of(const json& object) {
  return object["metadata"]["name"];
}

}  // namespace

/// Requests have ended and own nothing, or wait for what the scope allows.
void Checks::check_requests_at_rest() {
  std::set<std::string> working;
  for (const json& request : room_.api.all(kube::type_of<PromotionRequest>())) {
    const json status = request.value("status", json::object());
    const auto phase = promotion::phase_of(status.value("phase", ""));
    const std::string reason = status.value("reason", "");
    const std::string key = "PromotionRequest/credit/" + name_of(request);
    const std::string fails = failing.contains(key) ? "; its round fails: " + failing[key] : "";
    if (request["metadata"].contains("deletionTimestamp")) {
      violate(fmt::format("request {} cannot be deleted: {} {}{}", name_of(request),
                          status.value("phase", "nothing shown"), status.value("message", ""),
                          fails));
    }
    if (phase && promotion::is_terminal(*phase)) {
      if (request["metadata"].value("finalizers", json::array()).empty()) continue;
      violate(
          fmt::format("request {} has ended and keeps its finalizer{}", name_of(request), fails));
      continue;
    }
    working.insert(request["metadata"]["uid"].get<std::string>());
    if (scope_.rests.contains(reason) && fails.empty()) continue;
    violate(fmt::format("request {} is stuck: {} {}, {}{}", name_of(request),
                        status.value("phase", "nothing shown"), reason, status.value("message", ""),
                        fails));
  }
  for (const auto& type : {kube::type_of<Job>(), kube::type_of<Deployment>()}) {
    room_.api.each(type, [&](const json& object) {
      const json labels = object["metadata"].value("labels", json::object());
      const std::string uid = labels.value(kRequestUidLabel, "");
      if (uid.empty() || working.contains(uid)) return;
      violate(fmt::format("{} {} is left at rest", type.kind, name_of(object)));
    });
  }
}

/// Versions and stages show what the records say.
void Checks::check_stages() {
  std::map<std::string, std::set<std::string>> in;
  for (const auto& [version, stage] : stages_)
    in[stage].insert(version.substr(0, version.find('@')));
  room_.api.each(kube::type_of<ModelVersion>(), [&](const json& version) {
    const std::string identity = version["spec"]["version"].get<std::string>() + "@" +
                                 version["spec"]["artifact"]["digest"].get<std::string>();
    const auto found = stages_.find(identity);
    const std::string right = found == stages_.end() ? kStageNone : found->second;
    const std::string shown = version.value("/status/stage"_json_pointer, kStageNone);
    if (shown != right)
      violate(fmt::format("{} shows stage {}, and {} is recorded", name_of(version), shown, right));
  });
  room_.api.each(kube::type_of<ModelStage>(), [&](const json& stage) {
    const std::string shown = stage.value("/status/version"_json_pointer, "");
    const std::string called = stage.value("/status/stage"_json_pointer, "");
    const auto& versions = in[called];
    if (shown.empty() ? !versions.empty() : !versions.contains(shown))
      violate(fmt::format("{} shows version '{}', which the records do not say", name_of(stage),
                          shown));
  });
}

/// Everybody who answered is told what became of it.
void Checks::check_approvals() {
  std::set<std::string> ended;
  room_.api.each(kube::type_of<PromotionRequest>(), [&](const json& request) {
    const auto phase = promotion::phase_of(request.value("/status/phase"_json_pointer, ""));
    if (phase && promotion::is_terminal(*phase)) ended.insert(request["metadata"]["uid"]);
  });
  room_.api.each(kube::type_of<Approval>(), [&](const json& approval) {
    if (!ended.contains(approval["spec"]["request"]["uid"])) return;
    for (const json& condition : approval.value("/status/conditions"_json_pointer, json::array()))
      if (condition["type"] == "Counted") return;
    violate("nobody tells what became of " + name_of(approval));
  });
}

}  // namespace stagekeeper::explorer
