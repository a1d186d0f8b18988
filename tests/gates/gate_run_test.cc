#include "gates/gate_run.h"

#include "gates/kinds/accuracy.h"
#include "gates/kinds/latency.h"
#include "tests/gates/helpers.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;         // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

Expected expected() {
  return Expected{.request_uid = "uid",
                  .gate = "latency",
                  .attempt = 1,
                  .nonce = "n1",
                  .dataset = Digest("sha256:d"),
                  .artifact = Digest("sha256:a"),
                  .has_champion = false};
}

Report base_report() {
  Report out;
  out.request_uid = "uid";
  out.gate = "latency";
  out.attempt = 1;
  out.nonce = "n1";
  out.dataset = Digest("sha256:d");
  out.artifact = Digest("sha256:a");
  return out;
}

Judgement judge(const GateRun& run) {
  return conclude(run, expected(), kLatency, kLatencyLimits, {});
}

std::string good_message() {
  Report out = base_report();
  out.outcome = ReportOutcome::kMeasured;
  LatencyMetrics m;
  m.p50 = m.p95 = m.p99 = decimal("1.5");
  m.samples = 500;
  out.metrics = metrics_text(m);
  return report_text(out, kLatency).value();
}

std::string errored_message(const char* code) {
  Report out = base_report();
  out.outcome = ReportOutcome::kErrored;
  out.code = code;
  out.message = "expected sha256:a, the object has sha256:b";
  return report_text(out, kLatency).value();
}

GateRun good_run() {
  GateRun run;
  run.job_complete = true;
  run.pods = 1;
  run.fetch = ContainerEnd{.exit_code = 0, .reason = "Completed", .message = ""};
  run.gate = ContainerEnd{.exit_code = 0, .reason = "Completed", .message = good_message()};
  return run;
}

}  // namespace

TEST_CASE("run: a complete one with a believable report is judged") {
  const Judgement judged = judge(good_run());
  CHECK(judged.verdict == Verdict::kPassed);
  CHECK(judged.samples == "500");
}

TEST_CASE("run: one thing spoiled, and it is Errored with its own reason") {
  struct Row {
    const char* spoiled;
    void (*spoil)(GateRun&);
    const char* reason;
    bool retry;
  };

  const Row rows[] = {
      {"out of time", [](GateRun& r) { r.job_failure = "DeadlineExceeded"; }, "DeadlineExceeded",
       true},
      {"two pods", [](GateRun& r) { r.pods = 2; }, "PodReplaced", true},
      {"no pod was seen", [](GateRun& r) { r.pods = 0; }, "NoResult", true},
      {"Job not complete", [](GateRun& r) { r.job_complete = false; }, "JobNotComplete", false},
      {"Job failed", [](GateRun& r) { r.job_failure = "BackoffLimitExceeded"; }, "JobNotComplete",
       false},
      {"disrupted", [](GateRun& r) { r.disrupted = true; }, "PodLost", true},
      {"exit code", [](GateRun& r) { r.gate->exit_code = 1; }, "ContainerFailed", true},
      {"killed",
       [](GateRun& r) {
         r.gate->exit_code = 137;
         r.gate->reason = "Error";
         r.gate->message.clear();
       },
       "ContainerFailed", true},
      {"out of memory",
       [](GateRun& r) {
         r.gate->exit_code = 137;
         r.gate->reason = "OOMKilled";
       },
       "OutOfMemory", false},
      {"out of memory, exit 0", [](GateRun& r) { r.gate->reason = "OOMKilled"; }, "OutOfMemory",
       false},
      {"fetch out of memory",
       [](GateRun& r) {
         r.fetch->exit_code = 137;
         r.fetch->reason = "OOMKilled";
       },
       "OutOfMemory", false},
      {"wrong artifact",
       [](GateRun& r) {
         r.fetch = ContainerEnd{.exit_code = 1,
                                .reason = "Error",
                                .message = errored_message("ArtifactDigestMismatch")};
         r.gate.reset();
       },
       "ArtifactDigestMismatch", false},
      {"store down",
       [](GateRun& r) {
         r.fetch = ContainerEnd{
             .exit_code = 1, .reason = "Error", .message = errored_message("FetchFailed")};
         r.gate.reset();
       },
       "FetchFailed", true},
      {"fetch says Measured and fails",
       [](GateRun& r) {
         r.fetch = ContainerEnd{.exit_code = 1, .reason = "Error", .message = good_message()};
       },
       "ContainerFailed", true},
      {"fetch never ran", [](GateRun& r) { r.fetch.reset(); }, "NoResult", true},
      {"gate never ran", [](GateRun& r) { r.gate.reset(); }, "NoResult", true},
      {"image missing",
       [](GateRun& r) {
         r.gate.reset();
         r.waiting = "ErrImageNeverPull";
       },
       "ImageUnavailable", true},
      {"secret missing",
       [](GateRun& r) {
         r.fetch.reset();
         r.gate.reset();
         r.waiting = "CreateContainerConfigError";
       },
       "CannotStart", true},
      {"no such image",
       [](GateRun& r) {
         r.fetch.reset();
         r.gate.reset();
         r.waiting = "InvalidImageName";
       },
       "ImageUnavailable", true},
      {"evicted",
       [](GateRun& r) {
         r.gate.reset();
         r.pod_reason = "Evicted";
       },
       "PodLost", true},
      {"no report", [](GateRun& r) { r.gate->message.clear(); }, "NoReport", true},
      {"garbage", [](GateRun& r) { r.gate->message = "PASSED"; }, "NotJson", false},
      {"replayed", [](GateRun& r) { r.gate->message.replace(r.gate->message.find("n1"), 2, "n0"); },
       "NonceMismatch", false},
      {"errored report", [](GateRun& r) { r.gate->message = errored_message("WrongVersion"); },
       "WrongVersion", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    GateRun run = good_run();
    row.spoil(run);
    const Judgement judged = judge(run);
    CHECK(judged.verdict == Verdict::kErrored);
    CHECK(judged.reason == row.reason);
    CHECK_FALSE(judged.message.empty());
    CHECK(worth_retrying(judged) == row.retry);
  }
}

TEST_CASE("run: of all states, only the one good combination passes") {
  const std::vector<std::optional<ContainerEnd>> ends{
      std::nullopt, ContainerEnd{.exit_code = 0, .reason = "Completed", .message = good_message()},
      ContainerEnd{.exit_code = 0, .reason = "OOMKilled", .message = good_message()},
      ContainerEnd{.exit_code = 1, .reason = "Error", .message = good_message()},
      ContainerEnd{.exit_code = 0, .reason = "Completed", .message = ""}};
  int passed = 0;
  for (const bool complete : {false, true}) {
    for (const char* failure : {"", "DeadlineExceeded", "BackoffLimitExceeded"}) {
      for (const std::size_t pods : {0U, 1U, 2U}) {
        for (const bool disrupted : {false, true}) {
          for (const char* waiting : {"", "InvalidImageName"}) {
            for (const auto& fetch : ends) {
              for (const auto& gate : ends) {
                GateRun run;
                run.job_complete = complete;
                run.job_failure = failure;
                run.pods = pods;
                run.disrupted = disrupted;
                run.waiting = waiting;
                run.fetch = fetch;
                run.gate = gate;
                const Judgement judged = judge(run);
                CHECK_FALSE(judged.reason.empty());
                if (judged.verdict == Verdict::kPassed) ++passed;
              }
            }
          }
        }
      }
    }
  }
  // Complete, no failure, one pod, undisturbed; whatever waits; fetch ended with 0 with or without
  // a message; the gate ended with 0 and a report.
  CHECK(passed == 2 * 2);
}

TEST_CASE("run: an image that cannot be pulled now is no end, and is told") {
  CHECK(cannot_start("InvalidImageName"));
  CHECK(cannot_start("ErrImageNeverPull"));
  CHECK(cannot_start("CreateContainerConfigError"));
  GateRun run;
  run.pods = 1;
  for (const char* reason : {"ErrImagePull", "ImagePullBackOff"}) {
    CAPTURE(reason);
    CHECK_FALSE(cannot_start(reason));
    run.waiting = reason;
    CHECK_FALSE(is_over(run));
    CHECK(waiting_text(run) == "its image cannot be pulled yet: " + std::string(reason));
  }
  for (const char* reason : {"PodInitializing", "ContainerCreating", ""}) {
    CAPTURE(reason);
    CHECK_FALSE(cannot_start(reason));
    run.waiting = reason;
    CHECK(waiting_text(run).empty());
  }
  run.waiting = "ErrImagePull";
  run.job_failure = "DeadlineExceeded";
  CHECK(is_over(run));
  CHECK(waiting_text(run).empty());
  const Judgement judged = judge(run);
  CHECK(judged.reason == "DeadlineExceeded");
  CHECK(judged.message.find("ErrImagePull") != std::string::npos);
  CHECK(worth_retrying(judged));
}

TEST_CASE("run: a Job without a pod, or with one that no node takes, says so while it waits") {
  GateRun run;
  CHECK_FALSE(is_over(run));
  CHECK(waiting_text(run).find("has no pod") != std::string::npos);
  run.pods = 1;
  run.unscheduled = "0/3 nodes are available: 3 Insufficient memory.";
  CHECK(waiting_text(run) ==
        "no node takes its pod: 0/3 nodes are available: 3 Insufficient memory.");
}

TEST_CASE("run: a container beside the gate that never ends is named") {
  GateRun run = good_run();
  run.job_complete = false;
  run.others_running = {"istio-proxy"};
  CHECK(waiting_text(run).find("container istio-proxy runs still") != std::string::npos);
  run.job_failure = "DeadlineExceeded";
  CHECK(judge(run).message.find("istio-proxy") != std::string::npos);
}

TEST_CASE("run: only a believed report carries facts on") {
  AccuracyMetrics numbers;
  numbers.auc = decimal("0.9");
  numbers.rows = 10;
  numbers.positives = 3;
  numbers.golden = {{.row = 2, .score = "0.5"}, {.row = 7, .score = "0.25"}};
  Report report = base_report();
  report.outcome = ReportOutcome::kMeasured;
  report.metrics = metrics_text(numbers);
  GateRun run = good_run();
  run.gate->message = report_text(report, kAccuracy).value();
  CHECK(carries_of(run, expected(), kAccuracy) == Carries{{"golden", "2=0.5 7=0.25"}});
  GateRun failed = run;
  failed.gate->exit_code = 1;
  CHECK(carries_of(failed, expected(), kAccuracy).empty());
  GateRun foreign = run;
  foreign.gate->message.replace(foreign.gate->message.find("n1"), 2, "n0");
  CHECK(carries_of(foreign, expected(), kAccuracy).empty());
}

TEST_CASE("run: data that cannot tell are Inconclusive, with the gate's own reason") {
  Report report = base_report();
  report.outcome = ReportOutcome::kInconclusive;
  report.code = "OneClass";
  GateRun run = good_run();
  run.gate->message = report_text(report, kLatency).value();
  const Judgement judged = judge(run);
  CHECK(judged.verdict == Verdict::kInconclusive);
  CHECK(judged.reason == "OneClass");
  CHECK_FALSE(worth_retrying(judged));
}
