#include "promotion/manifests.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// A room in which the only gate of version 1 measures, and somebody who writes where gates run.
struct Forgery : Room {
  std::string request = ask("1", "Staging");

  Forgery() { rounds(); }

  /// Everybody acts until nothing is left to do but to wait for the gate, or for its next attempt.
  void rounds() {
    for (int i = 0; i < 6; ++i) {
      operator_->sync();
      REQUIRE(operator_->work() >= 0);
      settle_workloads();
    }
  }

  json gate() { return status_of(request)["gates"][0]; }

  std::string job_of(int attempt) {
    const json meta = (*get(kube::type_of<PromotionRequest>(), request))["metadata"];
    const std::string gate_name = gate()["name"];
    return promotion::job_name(meta["uid"], gate_name, attempt);
  }

  json stored(int attempt) { return *get(kube::type_of<Job>(), job_of(attempt), kGates); }

  void remove(int attempt) { api.remove(kube::type_of<Job>(), {kGates, job_of(attempt)}); }

  /// The Job of the first attempt as if it were that of another one, changed further.
  void forge(int attempt, const std::function<void(json&)>& change) {
    json job = stored(1);
    job.erase("status");
    job["metadata"]["name"] = job_of(attempt);
    job["metadata"]["uid"] = "uid-forged";
    job["metadata"].erase("resourceVersion");
    const std::string number = std::to_string(attempt);
    job["metadata"]["labels"][kAttemptLabel] = number;
    job["spec"]["template"]["metadata"]["labels"][kAttemptLabel] = number;
    for (const char* list : {"initContainers", "containers"}) {
      json& env = job["spec"]["template"]["spec"][list][0]["env"][0]["value"];
      json input = json::parse(env.get<std::string>());
      input["attempt"] = attempt;
      env = input.dump();
    }
    change(job);
    api.put(kube::type_of<Job>(), job);
  }

  void later() {
    clock.advance(std::chrono::minutes(2));
    api.set_time(format_time(clock.now()));
  }
};

}  // namespace

TEST_CASE("gate jobs: a Job that somebody else has put under the next attempt's name is foreign") {
  struct Row {
    const char* what;
    void (*change)(json&);
    const char* says;
  };

  const Row rows[] = {
      {"another program",
       [](json& job) { job["spec"]["template"]["spec"]["containers"][0]["command"] = {"/bin/ok"}; },
       "containers[gate].command"},
      {"arguments of its own",
       [](json& job) { job["spec"]["template"]["spec"]["containers"][0]["args"] = {"-x"}; },
       "containers[gate].env"},
      {"a variable more",
       [](json& job) {
         job["spec"]["template"]["spec"]["initContainers"][0]["env"].push_back(
             {{"name", "S3_PROXY"}, {"value", "x"}});
       },
       "containers[gate].env"},
      // All is as the operator would make it, but for what nobody else can know.
      {"no difference but the nonce", [](json&) {}, "containers[gate].env"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Forgery room;
    REQUIRE(room.gate()["attempt"] == 1);
    room.forge(2, row.change);
    room.rounds();
    json gate = room.gate();
    CHECK(gate["attempt"] == 2);
    CHECK(gate["verdict"] == "Errored");
    CHECK(gate["reason"] == "ForeignJob");
    const std::string message = gate["message"];
    CAPTURE(message);
    CHECK(message.find(row.says) != std::string::npos);
    room.finish_jobs();  // what it says does not matter
    room.rounds();
    CHECK(room.gate()["reason"] == "ForeignJob");
    room.later();
    room.rounds();
    room.finish_jobs();
    room.rounds();
    CHECK(room.gate()["attempt"] == 3);
    CHECK(room.gate()["verdict"] == "Passed");
  }
}

TEST_CASE("gate jobs: a pod that the Job did not make so is foreign") {
  Forgery room;
  room.finish_jobs();
  json pod = room.api.all(kube::type_of<Pod>()).back();
  for (const json& each : room.api.all(kube::type_of<Pod>()))
    if (each["metadata"]["namespace"] == kGates) pod = each;
  pod["spec"]["containers"][0]["command"] = {"/bin/ok"};
  room.api.put(kube::type_of<Pod>(), pod);
  room.rounds();
  CHECK(room.gate()["reason"] == "ForeignJob");
}

TEST_CASE("gate jobs: a deleted Job is missed, and the next one is another attempt") {
  Forgery room;
  const std::string first = room.gate()["jobName"];
  room.remove(1);
  room.rounds();
  CHECK(room.gate()["reason"] == "JobMissing");
  CHECK(room.gate()["jobName"] == first);
  room.later();
  room.rounds();
  CHECK(room.gate()["attempt"] == 2);
  CHECK(room.gate()["verdict"] == "Running");
  CHECK_FALSE(room.get(kube::type_of<Job>(), first, kGates));
}

TEST_CASE("gate jobs: one that is made again under its name does not count, just as it was") {
  Forgery room;
  json again = room.stored(1);
  room.remove(1);
  again["metadata"]["uid"] = "uid-again";
  again["metadata"].erase("resourceVersion");
  room.api.put(kube::type_of<Job>(), again);
  room.finish_jobs();
  room.rounds();
  CHECK(room.gate()["reason"] == "JobMissing");
  CHECK(room.phase_of(room.request) == "Evaluating");
}

TEST_CASE("gate jobs: a verdict against the version does not go with its Job") {
  Forgery room;
  // A second gate is still measuring, so that nothing is recorded yet.
  room.edit<PromotionPolicy>(kModel, [](json& policy) {
    json& gates = policy["spec"]["stages"][0]["gates"];
    gates.push_back(gates[0]);
    gates[1]["name"] = "second";
  });
  room.rounds();
  const std::string failed = room.job_of(1);
  for (const json& job : room.api.all(kube::type_of<Job>())) {
    if (job["metadata"]["name"] != failed) continue;
    room.finish_job(job, gates::Verdict::kFailed);
  }
  room.rounds();
  REQUIRE(room.gate()["verdict"] == "Failed");
  room.remove(1);
  room.rounds();
  room.later();
  room.rounds();
  CHECK(room.gate()["reason"] == "JobMissing");
  CHECK(room.gate()["attempt"] == 1);
  room.finish_jobs();
  room.rounds();
  CHECK(room.phase_of(room.request) == "Blocked");
}

TEST_CASE("gate jobs: another leader goes on with the Job that it finds") {
  Forgery room;
  room.operator_ = room.replica();
  room.rounds();
  room.finish_jobs();
  room.rounds();
  CHECK(room.gate()["verdict"] == "Passed");
  CHECK(room.gate()["attempt"] == 1);
}
