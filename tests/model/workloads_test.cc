#include "model/workloads.h"

#include "samples.h"

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using namespace samples;      // NOLINT(google-build-using-namespace)

TEST_CASE("decode: Deployment, with its init containers") {
  const Deployment it = decode<Deployment>(kDeployment).value();
  CHECK(it.replicas == 3);
  CHECK(it.selector.at("app") == "x");
  CHECK(it.pod_labels.at("app") == "x");
  CHECK(it.owner_uid == "uid-r");
  REQUIRE(it.containers.size() == 3);
  CHECK(it.containers[0].name == "fetch");
  CHECK(it.containers[0].init);
  CHECK(it.containers[1].name == "server");
  CHECK_FALSE(it.containers[1].init);
  CHECK(it.containers[1].image == "i");
  CHECK(it.containers[1].env[0] == EnvVar{.name = "V", .value = "1"});
  CHECK(it.containers[1].env[1].from_source);
  CHECK(it.observed_generation == 4);
  CHECK(it.updated_replicas == 2);
  CHECK(it.available_replicas == 1);
  CHECK(it.progress_deadline_exceeded);
  CHECK(it.progress_message == "late");
  CHECK(format_time(it.progress_updated) == "2026-03-02T10:00:00Z");
  CHECK(it.progress_deadline == std::chrono::seconds(120));
}

TEST_CASE("decode: a Deployment that says little") {
  const Deployment fresh = decode<Deployment>(R"({"metadata":{"name":"d","uid":"u"}})").value();
  CHECK(fresh.replicas == 1);
  CHECK(fresh.progress_deadline == std::chrono::seconds(600));
  CHECK(fresh.available_replicas == 0);
  CHECK(fresh.owner_uid.empty());
  CHECK_FALSE(fresh.progress_deadline_exceeded);
}

TEST_CASE("decode: of a variable's huge value only so much is kept as a pin could have") {
  const std::string huge(100'000, 'x');
  const std::string json = spoil(kDeployment, R"("value":"own")", R"("value":")" + huge + "\"");
  const Deployment it = decode<Deployment>(json).value();
  CHECK(it.containers[2].env[0].value == huge.substr(0, 8192));
}

TEST_CASE("decode: ReplicaSet, whose owner leads from a pod to its Deployment") {
  const ReplicaSet it = decode<ReplicaSet>(R"({"metadata":{"name":"r","uid":"u",
      "ownerReferences":[{"uid":"x"},{"uid":"deployment","controller":true}]}})")
                            .value();
  CHECK(it.owner_uid == "deployment");
  CHECK(decode<ReplicaSet>(R"({"metadata":{"name":"r","uid":"u",
      "ownerReferences":[{"uid":"x"}]}})")
            .value()
            .owner_uid.empty());
}

TEST_CASE("decode: Job, and when it ended") {
  const Job failed = decode<Job>(R"({"metadata":{"name":"j","uid":"u",
      "labels":{"batch.kubernetes.io/job-name":"j","team":"x"}},"status":{"conditions":[
    {"type":"Failed","status":"True","reason":"DeadlineExceeded","message":"late",
     "lastTransitionTime":"2026-03-02T09:00:00Z"},
    {"type":"Complete","status":"False","lastTransitionTime":"2026-01-01T00:00:00Z"}]}})")
                         .value();
  CHECK(failed.failed);
  CHECK_FALSE(failed.complete);
  CHECK(failed.failure_reason == "DeadlineExceeded");
  CHECK(failed.failure_message == "late");
  CHECK(format_time(failed.ended) == "2026-03-02T09:00:00Z");
  CHECK(failed.meta.labels ==
        std::map<std::string, std::string>{{"batch.kubernetes.io/job-name", "j"}});
  const Job complete = decode<Job>(R"({"metadata":{"name":"j","uid":"u"},"status":{"conditions":[
    {"type":"Complete","status":"True","lastTransitionTime":"2026-03-02T10:00:00Z"}]}})")
                           .value();
  CHECK(complete.complete);
  CHECK(format_time(complete.ended) == "2026-03-02T10:00:00Z");
  CHECK(decode<Job>(R"({"metadata":{"name":"j","uid":"u"}})").value().ended == TimePoint{});
}

TEST_CASE("decode: Pod, whose result is taken") {
  const Pod pod = decode<Pod>(R"({"metadata":{"name":"p","uid":"u","ownerReferences":[
      {"uid":"other"},{"uid":"job","controller":true}]},
    "status":{"phase":"Failed","reason":"Evicted",
      "conditions":[{"type":"DisruptionTarget","status":"True"}],
      "initContainerStatuses":[{"name":"fetch","state":{"terminated":
        {"exitCode":0,"reason":"Completed"}}}],
      "containerStatuses":[{"name":"gate","state":{"waiting":{"reason":"ErrImageNeverPull"}}},
        {"name":"second","state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}})")
                      .value();
  CHECK(pod.owner_uid == "job");
  CHECK(pod.disrupted);
  CHECK_FALSE(pod.ready);
  CHECK(pod.reason == "Evicted");
  CHECK(pod.init_containers[0].terminated);
  REQUIRE(pod.containers.size() == 2);
  CHECK_FALSE(pod.containers[0].terminated);
  CHECK(pod.containers[0].reason == "ErrImageNeverPull");
  CHECK(pod.containers[1].exit_code == 137);
}

TEST_CASE("decode: Pod, which a gate talks to") {
  const Pod pod = decode<Pod>(R"({"metadata":{"name":"p","uid":"u"},
    "spec":{"initContainers":[{"name":"fetch","image":"f@sha256:1"}],
            "containers":[{"name":"server","image":"s@sha256:2","env":[{"name":"V","value":"3"}]}]},
    "status":{"phase":"Running","podIP":"10.0.0.7",
      "conditions":[{"type":"Ready","status":"True"},{"type":"PodScheduled","status":"True"}],
      "containerStatuses":[{"name":"server","restartCount":2,"imageID":"s@sha256:2",
                            "state":{"running":{}}}]}})")
                      .value();
  CHECK(pod.ready);
  CHECK(pod.ip == "10.0.0.7");
  CHECK(pod.unscheduled.empty());
  REQUIRE(pod.spec_containers.size() == 2);
  CHECK(pod.spec_containers[0].init);
  CHECK(pod.spec_containers[1].image == "s@sha256:2");
  CHECK(pod.spec_containers[1].env[0].value == "3");
  CHECK(pod.containers[0].restarts == 2);
  CHECK(pod.containers[0].image_id == "s@sha256:2");
}

TEST_CASE("decode: a container that crashes again and again tells of its last run") {
  const Pod pod = decode<Pod>(R"({"metadata":{"name":"p","uid":"u"},
    "status":{"initContainerStatuses":[{"name":"load","restartCount":4,
        "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 40s"}},
        "lastState":{"terminated":{"exitCode":3,"reason":"Error","message":"no such bucket"}}}],
      "containerStatuses":[{"name":"server","state":{"running":{}},
        "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}})")
                      .value();
  CHECK(pod.init_containers[0].reason == "CrashLoopBackOff");
  CHECK(pod.init_containers[0].message == "back-off 40s");
  CHECK(pod.init_containers[0].last_exit == 3);
  CHECK(pod.init_containers[0].last_end == "no such bucket");
  CHECK(pod.containers[0].last_end == "OOMKilled");
}

TEST_CASE("decode: a Deployment whose pods are refused says why") {
  const auto refused = [](const std::string& status) {
    return decode<Deployment>(R"({"metadata":{"name":"d","uid":"u"},"status":{"conditions":[
        {"type":"ReplicaFailure","status":")" +
                              status +
                              R"(","reason":"FailedCreate","message":"exceeded quota"}]}})")
        .value()
        .pods_refused;
  };
  CHECK(refused("True") == "exceeded quota");
  CHECK(refused("False").empty());
}

TEST_CASE("decode: a Pod for which there is no room says why") {
  const auto unscheduled = [](const std::string& more) {
    return decode<Pod>(R"({"metadata":{"name":"p","uid":"u"},"status":{"conditions":[
        {"type":"PodScheduled","status":"False")" +
                       more + "}]}}")
        .value()
        .unscheduled;
  };
  CHECK(unscheduled(R"(,"reason":"Unschedulable","message":"0/3 nodes")") == "0/3 nodes");
  CHECK(unscheduled(R"(,"reason":"SchedulingGated")") == "SchedulingGated");
  CHECK(unscheduled("") == "Unschedulable");
}

TEST_CASE("decode: Service and Namespace") {
  const Service service =
      decode<Service>(R"({"metadata":{"name":"s","uid":"u"},"spec":{"selector":{"app":"x"}}})")
          .value();
  CHECK(service.selector.at("app") == "x");
  CHECK(decode<Namespace>(R"({"metadata":{"name":"kube-system","uid":"u"}})").value().meta.uid ==
        "u");
}
