#include "gates/gate_run.h"

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

std::string good_message() {
  Report out = base_report();
  out.outcome = ReportOutcome::kMeasured;
  LatencyMetrics m;
  m.p50 = m.p95 = m.p99 = decimal("1.5");
  m.samples = 500;
  out.metrics = m;
  return report_text(out).value();
}

std::string errored_message(const char* code) {
  Report out = base_report();
  out.outcome = ReportOutcome::kErrored;
  out.code = code;
  out.message = "expected sha256:a, the object has sha256:b";
  return report_text(out).value();
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
  const Verdict verdict = conclude(good_run(), expected(), LatencyPolicy{});
  CHECK(verdict.outcome == Outcome::kPassed);
  CHECK(verdict.samples == "500");
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
       "CannotStart", false},
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
    const Verdict verdict = conclude(run, expected(), LatencyPolicy{});
    CHECK(verdict.outcome == Outcome::kErrored);
    CHECK(verdict.reason == row.reason);
    CHECK_FALSE(verdict.message.empty());
    CHECK(worth_retrying(verdict) == row.retry);
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
          for (const char* waiting : {"", "ImagePullBackOff"}) {
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
                const Verdict verdict = conclude(run, expected(), LatencyPolicy{});
                CHECK_FALSE(verdict.reason.empty());
                if (verdict.outcome == Outcome::kPassed) ++passed;
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

TEST_CASE("run: only some waiting reasons are final") {
  CHECK(cannot_start("ImagePullBackOff"));
  CHECK(cannot_start("CreateContainerConfigError"));
  CHECK_FALSE(cannot_start("PodInitializing"));
  CHECK_FALSE(cannot_start("ContainerCreating"));
  CHECK_FALSE(cannot_start(""));
}
