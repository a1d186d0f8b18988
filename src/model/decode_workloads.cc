#include "model/decode.h"
#include "model/decode_with.h"

namespace stagekeeper {
namespace {

using detail::decode_with;
using detail::JsonReader;
using detail::Problems;

std::vector<ContainerState> container_states(const JsonReader& statuses) {
  std::vector<ContainerState> out;
  for (const JsonReader& status : statuses.items()) {
    ContainerState state;
    state.name = status["name"].str();
    const JsonReader ended = status["state"]["terminated"];
    state.terminated = ended.present();
    state.exit_code = ended["exitCode"].small();
    state.reason =
        ended.present() ? ended["reason"].str() : status["state"]["waiting"]["reason"].str();
    state.message = ended["message"].str();
    out.push_back(std::move(state));
  }
  return out;
}

}  // namespace

template <>
Result<Deployment> decode(std::string_view json) {
  return decode_with<Deployment>(
      json, "Deployment", [](const JsonReader& object, Deployment& out, Problems&) {
        const JsonReader spec = object["spec"];
        const JsonReader status = object["status"];
        out.replicas = spec["replicas"].small(1);
        out.paused = spec["paused"].boolean();
        out.selector = spec["selector"]["matchLabels"].string_map();
        out.pod_labels = spec["template"]["metadata"]["labels"].string_map();
        for (const JsonReader& container : spec["template"]["spec"]["containers"].items()) {
          ContainerEnv env{.container = container["name"].str(), .env = {}};
          for (const JsonReader& entry : container["env"].items()) {
            env.env.push_back({.name = entry["name"].str(),
                               .value = entry["value"].str(),
                               .from_source = entry["valueFrom"].present()});
          }
          out.containers.push_back(std::move(env));
        }
        out.observed_generation = status["observedGeneration"].integer();
        out.status_replicas = status["replicas"].small();
        out.updated_replicas = status["updatedReplicas"].small();
        out.available_replicas = status["availableReplicas"].small();
        const JsonReader progressing = detail::find_condition(object, "Progressing");
        out.progress_deadline_exceeded = progressing["reason"].str() == "ProgressDeadlineExceeded";
        out.progress_message = progressing["message"].str();
        out.progress_updated =
            parse_time(progressing["lastUpdateTime"].str()).value_or(TimePoint{});
        out.progress_deadline = std::chrono::seconds(spec["progressDeadlineSeconds"].integer(600));
      });
}

template <>
Result<Service> decode(std::string_view json) {
  return decode_with<Service>(json, "Service",
                              [](const JsonReader& object, Service& out, Problems&) {
                                out.selector = object["spec"]["selector"].string_map();
                              });
}

template <>
Result<DisruptionBudget> decode(std::string_view json) {
  return decode_with<DisruptionBudget>(
      json, "PodDisruptionBudget", [](const JsonReader& object, DisruptionBudget& out, Problems&) {
        const JsonReader selector = object["spec"]["selector"];
        out.match_labels = selector["matchLabels"].string_map();
        for (const JsonReader& expression : selector["matchExpressions"].items())
          out.expression_keys.push_back(expression["key"].str());
      });
}

template <>
Result<Job> decode(std::string_view json) {
  return decode_with<Job>(json, "Job", [](const JsonReader& object, Job& out, Problems&) {
    out.complete = detail::find_condition(object, "Complete")["status"].str() == "True";
    const JsonReader failed = detail::find_condition(object, "Failed");
    out.failed = failed["status"].str() == "True";
    out.failure_reason = failed["reason"].str();
    out.failure_message = failed["message"].str();
  });
}

template <>
Result<Pod> decode(std::string_view json) {
  return decode_with<Pod>(json, "Pod", [](const JsonReader& object, Pod& out, Problems&) {
    const JsonReader status = object["status"];
    for (const JsonReader& owner : object["metadata"]["ownerReferences"].items()) {
      if (owner["controller"].boolean()) out.owner_uid = owner["uid"].str();
    }
    out.phase = status["phase"].str();
    out.reason = status["reason"].str();
    out.disrupted = detail::find_condition(object, "DisruptionTarget")["status"].str() == "True";
    out.init_containers = container_states(status["initContainerStatuses"]);
    out.containers = container_states(status["containerStatuses"]);
  });
}

}  // namespace stagekeeper
