#include "promotion/evaluation/pods.h"

#include "base/crypto.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::promotion {
namespace {

/// Pods of a Service that are told one by one; more of them by one digest over all.
constexpr std::size_t kMaxTold = 16;

/// The last variable of a name, which is the one that a container gets.
const EnvVar* last_of(const ContainerSpec& container, const std::string& name) {
  const EnvVar* out = nullptr;
  for (const EnvVar& each : container.env)
    if (each.name == name) out = &each;
  return out;
}

/// Whoever may create pods may give one the labels and the owner of the clone's.
bool has_env(const ContainerSpec& have, const ContainerSpec& want) {
  return std::ranges::all_of(want.env, [&](const EnvVar& each) {
    const EnvVar* is = last_of(have, each.name);
    return is != nullptr && *is == *last_of(want, each.name);
  });
}

bool owned(const Pod& pod, const ServingSight& sight) {
  return std::ranges::any_of(*sight.replica_sets, [&](const ReplicaSet& set) {
    return !pod.owner_uid.empty() && set.meta.uid == pod.owner_uid &&
           set.owner_uid == sight.deployment->meta.uid;
  });
}

/// Why a pod that can answer proves nothing; empty: it serves what the Deployment is pinned to.
std::string fault_of(const Pod& pod, const ServingSight& sight) {
  if (pod.meta.deleting) return "it is about to end";
  if (!owned(pod, sight)) return "Deployment " + sight.deployment->meta.name + " does not own it";
  if (!runs_template(pod, *sight.deployment))
    return "its images or variables are not those of the Deployment's template";
  return pod.ready && !pod.ip.empty() ? "" : problem_of(pod);
}

/// What holds a container up. The run before tells more than the back-off that follows it.
std::string state_text(const ContainerState& state) {
  std::string out = fmt::format("container {}: {}", state.name, state.reason);
  if (state.terminated) out += fmt::format(", exit code {}", state.exit_code);
  const std::string& message = state.last_exit ? state.last_end : state.message;
  if (state.last_exit)
    out += fmt::format(", its last run ended with exit code {}", *state.last_exit);
  return message.empty() ? out : out + ": " + message;
}

/// Has ended, so that nothing answers from it any more.
bool has_ended(const Pod& pod) {
  return pod.phase == "Succeeded" || pod.phase == "Failed";
}

}  // namespace

bool is_over(const Pod& pod) {
  return pod.meta.deleting || pod.phase == "Succeeded" || pod.phase == "Failed";
}

bool runs_template(const Pod& pod, const Deployment& deployment) {
  return std::ranges::all_of(deployment.containers, [&](const ContainerSpec& want) {
    const auto have = std::ranges::find_if(pod.spec_containers, [&](const ContainerSpec& each) {
      return each.name == want.name && each.init == want.init;
    });
    return have != pod.spec_containers.end() && have->image == want.image && has_env(*have, want);
  });
}

std::string problem_of(const Pod& pod) {
  if (!pod.unscheduled.empty()) return "it is not scheduled: " + pod.unscheduled;
  for (const auto* states : {&pod.init_containers, &pod.containers}) {
    for (const ContainerState& state : *states) {
      const bool done = state.terminated && state.exit_code == 0;
      if (done || state.reason.empty()) continue;
      return state_text(state);
    }
  }
  return pod.ip.empty() ? "it has no address yet" : "it is not ready yet";
}

std::string identity_of(const Pod& pod) {
  std::string out = fmt::format("{} set={} ip={}", pod.meta.uid, pod.owner_uid, pod.ip);
  for (const auto* states : {&pod.init_containers, &pod.containers}) {
    for (const ContainerState& state : *states)
      out += fmt::format(" {}={}/{}", state.name, state.image_id, state.restarts);
  }
  return out;
}

ServingPods observe_serving(const ServingSight& sight) {
  ServingPods out;
  if (sight.service == nullptr || sight.service->selector.empty()) {
    out.problem = "its Service does not exist, or selects no pods";
    return out;
  }
  for (const Pod& pod : *sight.pods) {
    if (has_ended(pod)) continue;
    out.pods.emplace("pod/" + pod.meta.name, identity_of(pod));
    const std::string fault = fault_of(pod, sight);
    if (!fault.empty() && out.problem.empty())
      out.problem = fmt::format("pod {}: {}", pod.meta.name, fault);
  }
  if (out.pods.empty()) out.problem = "the Service has no pods";
  out.attested = out.problem.empty();
  if (out.pods.size() <= kMaxTold) return out;
  std::string all;
  for (const auto& [name, identity] : out.pods)
    all += fmt::format("{} {}\n", name, identity);
  out.pods = {{"pods", fmt::format("{} of {} pods", sha256_digest(all).str(), out.pods.size())}};
  return out;
}

}  // namespace stagekeeper::promotion
