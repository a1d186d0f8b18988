#pragma once

#include "model/meta.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

// The built-in kinds, reduced to what decisions need.
namespace stagekeeper {

struct EnvVar {
  std::string name;
  std::string value;
  bool from_source = false;  ///< valueFrom is set

  friend bool operator==(const EnvVar&, const EnvVar&) = default;
};

struct ContainerSpec {
  std::string name;
  bool init = false;
  std::string image;
  std::vector<EnvVar> env;
};

struct Deployment {
  ObjectMeta meta;
  int replicas = 1;
  bool paused = false;
  std::map<std::string, std::string> selector;
  std::map<std::string, std::string> pod_labels;
  std::vector<ContainerSpec> containers;  ///< init containers too
  std::string owner_uid;                  ///< uid of the controlling owner; empty: none
  std::chrono::seconds progress_deadline{600};
  // status
  std::int64_t observed_generation = 0;
  int status_replicas = 0;
  int updated_replicas = 0;
  int available_replicas = 0;
  bool progress_deadline_exceeded = false;
  std::string progress_message;
  TimePoint progress_updated{};  ///< lastUpdateTime of the Progressing condition
  std::string pods_refused;      ///< condition ReplicaFailure: why no pod can be made; empty: none
};

struct Service {
  ObjectMeta meta;
  std::map<std::string, std::string> selector;
  std::vector<std::string> external_ips;  ///< addresses that every node sends to it, anybody's too
};

/// One address behind a Service.
struct Endpoint {
  std::string ip;       ///< the first address
  std::string pod;      ///< name of the Pod that it claims to be; empty: it names none
  std::string pod_uid;  ///< the same
  bool ready = false;   ///< users are sent there

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// A part of what a Service leads to.
struct EndpointSlice {
  ObjectMeta meta;
  std::string service;  ///< label kubernetes.io/service-name; empty: of none
  std::vector<Endpoint> endpoints;
};

/// A PodDisruptionBudget, as far as it says which pods it counts.
struct DisruptionBudget {
  ObjectMeta meta;
  std::map<std::string, std::string> match_labels;
  std::vector<std::string> expression_keys;  ///< label keys of matchExpressions
};

struct Job {
  ObjectMeta meta;
  bool complete = false;
  bool failed = false;
  std::string failure_reason;  ///< of the Failed condition: DeadlineExceeded, BackoffLimitExceeded
  std::string failure_message;
  TimePoint ended{};  ///< transition of the condition Complete or Failed
  /// job_departure() from what the operator makes, by whoever has read both; no part of the object.
  std::string departure;
};

struct ReplicaSet {
  ObjectMeta meta;
  std::string owner_uid;  ///< uid of the controlling Deployment
};

/// One container's end, or why it has not begun.
struct ContainerState {
  std::string name;
  bool terminated = false;
  int exit_code = 0;
  std::string
      reason;  ///< Completed, Error, OOMKilled, or a waiting reason such as ErrImageNeverPull
  std::string message;           ///< termination message (at most 4,096 bytes), or why it waits
  std::optional<int> last_exit;  ///< exit code of the run before, where it was restarted
  std::string last_end;          ///< reason and termination message of that run
  int restarts = 0;
  std::string image_id;  ///< what runs, by digest, as the kubelet says
};

struct Pod {
  ObjectMeta meta;
  std::string owner_uid;  ///< uid of the controlling Job or ReplicaSet
  std::string owner;      ///< its kind and name, for people: "ReplicaSet credit-risk-eu-5d6f9b"
  std::string phase;
  std::string reason;      ///< Evicted, DeadlineExceeded, …
  bool disrupted = false;  ///< condition DisruptionTarget
  bool ready = false;      ///< condition Ready
  std::string ip;
  std::vector<std::string> ips;  ///< of every family; the first is `ip`
  std::string unscheduled;       ///< message of PodScheduled=False; empty otherwise
  std::vector<ContainerSpec> spec_containers;
  std::vector<ContainerState> init_containers;
  std::vector<ContainerState> containers;
  /// pod_departure() from its ReplicaSet, or job_pod_departure(), by whoever has read both; no part
  /// of the object.
  std::string departure;
};

}  // namespace stagekeeper
