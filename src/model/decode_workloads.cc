#include "model/decode.h"
#include "model/decode_with.h"
#include "model/resource.h"

#include <algorithm>

namespace stagekeeper {
namespace {

using detail::decode_with;
using detail::JsonReader;

/// A pin is shorter; of longer values it only matters that they are no pin.
constexpr std::size_t kMaxEnvValue = 8U << 10U;

TimePoint time_of(const JsonReader& value) {
  return parse_time(value.str()).value_or(TimePoint{});
}

void add_containers(const JsonReader& containers, bool init, std::vector<ContainerSpec>& out) {
  for (const JsonReader& container : containers.items()) {
    ContainerSpec spec;
    spec.name = container["name"].str();
    spec.init = init;
    spec.image = container["image"].str();
    for (const JsonReader& entry : container["env"].items()) {
      std::string value = entry["value"].str();
      value.resize(std::min(value.size(), kMaxEnvValue));
      spec.env.push_back({.name = entry["name"].str(),
                          .value = std::move(value),
                          .from_source = entry["valueFrom"].present()});
    }
    out.push_back(std::move(spec));
  }
}

/// Init containers first, as they run.
std::vector<ContainerSpec> containers_of(const JsonReader& pod_spec) {
  std::vector<ContainerSpec> out;
  add_containers(pod_spec["initContainers"], true, out);
  add_containers(pod_spec["containers"], false, out);
  return out;
}

std::vector<ContainerState> container_states(const JsonReader& statuses) {
  std::vector<ContainerState> out;
  for (const JsonReader& status : statuses.items()) {
    ContainerState state;
    state.name = status["name"].str();
    const JsonReader ended = status["state"]["terminated"];
    state.terminated = ended.present();
    state.exit_code = ended["exitCode"].small();
    const JsonReader now = state.terminated ? ended : status["state"]["waiting"];
    state.reason = now["reason"].str();
    state.message = now["message"].str();
    if (const JsonReader last = status["lastState"]["terminated"]; last.present()) {
      state.last_exit = last["exitCode"].small();
      state.last_end = last["message"].str(last["reason"].str());
    }
    state.restarts = status["restartCount"].small();
    state.image_id = status["imageID"].str();
    out.push_back(std::move(state));
  }
  return out;
}

bool is_true(const JsonReader& condition) {
  return condition["status"].str() == "True";
}

void read_progress(const JsonReader& object, Deployment& out) {
  const JsonReader status = object["status"];
  out.observed_generation = status["observedGeneration"].integer();
  out.status_replicas = status["replicas"].small();
  out.updated_replicas = status["updatedReplicas"].small();
  out.available_replicas = status["availableReplicas"].small();
  const JsonReader progressing = detail::find_condition(object, "Progressing");
  out.progress_deadline_exceeded = progressing["reason"].str() == "ProgressDeadlineExceeded";
  out.progress_message = progressing["message"].str();
  out.progress_updated = time_of(progressing["lastUpdateTime"]);
  const JsonReader refused = detail::find_condition(object, "ReplicaFailure");
  if (is_true(refused)) out.pods_refused = refused["message"].str(refused["reason"].str());
}

void read_job(const JsonReader& object, Job& out) {
  const JsonReader complete = detail::find_condition(object, "Complete");
  const JsonReader failed = detail::find_condition(object, "Failed");
  out.complete = is_true(complete);
  out.failed = is_true(failed);
  out.failure_reason = failed["reason"].str();
  out.failure_message = failed["message"].str();
  if (out.complete || out.failed)
    out.ended = time_of((out.complete ? complete : failed)["lastTransitionTime"]);
}

void read_pod(const JsonReader& object, Pod& out) {
  const JsonReader status = object["status"];
  out.owner_uid = detail::controller_uid(object);
  out.owner = detail::controller_text(object);
  out.phase = status["phase"].str();
  out.reason = status["reason"].str();
  out.disrupted = is_true(detail::find_condition(object, "DisruptionTarget"));
  out.ready = is_true(detail::find_condition(object, "Ready"));
  out.ip = status["podIP"].str();
  for (const JsonReader& each : status["podIPs"].items())
    out.ips.push_back(each["ip"].str());
  const JsonReader scheduled = detail::find_condition(object, "PodScheduled");
  if (scheduled["status"].str() == "False") {
    out.unscheduled = scheduled["message"].str();
    if (out.unscheduled.empty()) out.unscheduled = scheduled["reason"].str("Unschedulable");
  }
  out.spec_containers = containers_of(object["spec"]);
  out.init_containers = container_states(status["initContainerStatuses"]);
  out.containers = container_states(status["containerStatuses"]);
}

}  // namespace

template <>
Result<Deployment> decode(std::string_view json) {
  return decode_with<Deployment>(
      json, Resource<Deployment>::kind, [](const JsonReader& object, Deployment& out) {
        const JsonReader spec = object["spec"];
        out.replicas = spec["replicas"].small(1);
        out.paused = spec["paused"].boolean();
        out.selector = spec["selector"]["matchLabels"].string_map();
        out.pod_labels = spec["template"]["metadata"]["labels"].string_map();
        out.containers = containers_of(spec["template"]["spec"]);
        out.owner_uid = detail::controller_uid(object);
        out.progress_deadline = std::chrono::seconds(spec["progressDeadlineSeconds"].integer(600));
        read_progress(object, out);
      });
}

template <>
Result<ReplicaSet> decode(std::string_view json) {
  return decode_with<ReplicaSet>(json, Resource<ReplicaSet>::kind,
                                 [](const JsonReader& object, ReplicaSet& out) {
                                   out.owner_uid = detail::controller_uid(object);
                                 });
}

template <>
Result<Service> decode(std::string_view json) {
  return decode_with<Service>(json, Resource<Service>::kind,
                              [](const JsonReader& object, Service& out) {
                                out.selector = object["spec"]["selector"].string_map();
                                out.external_ips = object["spec"]["externalIPs"].strings();
                              });
}

template <>
Result<EndpointSlice> decode(std::string_view json) {
  return decode_with<EndpointSlice>(
      json, Resource<EndpointSlice>::kind, [](const JsonReader& object, EndpointSlice& out) {
        out.service = object["metadata"]["labels"]["kubernetes.io/service-name"].str();
        for (const JsonReader& endpoint : object["endpoints"].items()) {
          const std::vector<std::string> ips = endpoint["addresses"].strings();
          const JsonReader ref = endpoint["targetRef"];
          const bool pod = ref["kind"].str() == "Pod";
          // An unknown readiness is to be taken for ready: discovery/v1, EndpointConditions.
          out.endpoints.push_back({.ip = ips.empty() ? std::string() : ips.front(),
                                   .pod = pod ? ref["name"].str() : std::string(),
                                   .pod_uid = pod ? ref["uid"].str() : std::string(),
                                   .ready = endpoint["conditions"]["ready"].boolean(true)});
        }
      });
}

template <>
Result<DisruptionBudget> decode(std::string_view json) {
  return decode_with<DisruptionBudget>(
      json, Resource<DisruptionBudget>::kind, [](const JsonReader& object, DisruptionBudget& out) {
        const JsonReader selector = object["spec"]["selector"];
        out.match_labels = selector["matchLabels"].string_map();
        for (const JsonReader& expression : selector["matchExpressions"].items())
          out.expression_keys.push_back(expression["key"].str());
      });
}

template <>
Result<Job> decode(std::string_view json) {
  return decode_with<Job>(json, Resource<Job>::kind, read_job);
}

template <>
Result<Pod> decode(std::string_view json) {
  return decode_with<Pod>(json, Resource<Pod>::kind, read_pod);
}

template <>
Result<Namespace> decode(std::string_view json) {
  return decode_with<Namespace>(json, Resource<Namespace>::kind,
                                [](const JsonReader&, Namespace&) {});
}

}  // namespace stagekeeper
