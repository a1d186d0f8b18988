#include "runtime/health.h"
#include "runtime/metrics.h"
#include "runtime/shutdown.h"
#include "tests/fakes/fake_api.h"

#include <doctest/doctest.h>

#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)

TEST_CASE("metrics: come out in Prometheus' text format under the usual names") {
  Metrics metrics;
  const QueueMetrics queue = metrics.queue("promotion");
  queue.added();
  queue.depth(3);
  queue.waited(std::chrono::milliseconds(20));
  queue.worked(std::chrono::milliseconds(2));
  queue.retried();
  metrics.queue("promotion").depth(3);
  metrics.reconciled("promotion", "success", std::chrono::milliseconds(2));
  metrics.reconciled("promotion", "success", std::chrono::milliseconds(2));
  metrics.watch_event("Job", "ADDED");
  metrics.watch_restarted("Job", "Gone");
  metrics.store_size("Job", 7);
  metrics.count("promotions_total", "Promotions by phase", {{"phase", "Applied"}});
  metrics.took("store_seconds", "Duration", {{"operation", "put"}}, std::chrono::milliseconds(20));
  const std::string text = metrics.text();
  for (const char* line :
       {"workqueue_depth{name=\"promotion\"} 3", "workqueue_adds_total{name=\"promotion\"} 1",
        "workqueue_retries_total{name=\"promotion\"} 1",
        "workqueue_queue_duration_seconds_bucket{name=\"promotion\",le=\"0.025\"} 1",
        "workqueue_work_duration_seconds_count{name=\"promotion\"} 1",
        "controller_runtime_reconcile_total{controller=\"promotion\",result=\"success\"} 2",
        "controller_runtime_reconcile_time_seconds_count{controller=\"promotion\"} 2",
        "watch_events_total{kind=\"Job\",type=\"ADDED\"} 1",
        "watch_restarts_total{kind=\"Job\",reason=\"Gone\"} 1", "store_objects{kind=\"Job\"} 7",
        "promotions_total{phase=\"Applied\"} 1",
        "store_seconds_bucket{operation=\"put\",le=\"0.025\"} 1", "# TYPE workqueue_depth gauge",
        "process_resident_memory_bytes ", "process_open_fds ", "process_threads "}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("metered api: counts calls and watches by method and outcome") {
  fakes::FakeApi api;
  Metrics metrics;
  MeteredApi metered(api, metrics);
  const kube::ResourceType maps{"", "v1", "configmaps", "ConfigMap", true};
  CHECK_FALSE(metered.call(kube::get_request(maps, {"ns", "a"})));
  CHECK(metered.call(kube::list_request(maps, "", {}, 5, "")));
  api.refuse_watches(Error{ErrorCode::kGone, "old"});
  CHECK_FALSE(metered.watch(kube::watch_request(maps, "", {}, "1", std::chrono::seconds(1)),
                            [](std::string_view) { return true; }, {}));
  const std::string text = metrics.text();
  for (const char* line : {"rest_client_requests_total{code=\"NotFound\",method=\"GET\"} 1",
                           "rest_client_requests_total{code=\"OK\",method=\"GET\"} 1",
                           "rest_client_requests_total{code=\"Gone\",method=\"WATCH\"} 1",
                           "rest_client_request_duration_seconds_count{method=\"GET\"} 2"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("health: is what the registered checks say, live apart from ready") {
  Health health;
  bool bucket = false;
  CHECK(health.healthz().http_status() == 200);
  health.add_live("workers", [] { return CheckResult{true, "4 workers"}; });
  health.add_ready("bucket", [&] {
    return bucket ? CheckResult{true, ""} : CheckResult{false, "audit bucket has no lock"};
  });
  CHECK(health.healthz().text == "[+] workers: 4 workers\nok\n");
  CHECK(health.readyz().http_status() == 503);
  CHECK(health.readyz().text == "[-] bucket: audit bucket has no lock\nfailed\n");
  bucket = true;
  CHECK(health.readyz().http_status() == 200);
  CHECK(health.readyz().text == "[+] bucket\nok\n");
}

TEST_CASE("shutdown: a request from any thread ends the wait with its code and stops everything") {
  Shutdown shutdown;
  const std::stop_token token = shutdown.token();
  CHECK_FALSE(token.stop_requested());
  std::jthread other([&] { shutdown.request(3, "leadership lost"); });
  CHECK(shutdown.wait(std::chrono::hours(1)) == 3);
  CHECK(token.stop_requested());
}

TEST_CASE("shutdown: whoever hangs is ended by the shorter of grace period and own limit") {
  struct Row {
    std::chrono::milliseconds grace;
    std::optional<std::chrono::milliseconds> within;
    int code;
  };

  for (const Row& row : {Row{std::chrono::minutes(1), std::chrono::milliseconds(100), 2},
                         Row{std::chrono::milliseconds(100), std::nullopt, 2}}) {
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
      Shutdown shutdown;
      shutdown.request(2, "lost the lease", row.within);
      (void)shutdown.wait(row.grace);
      std::this_thread::sleep_for(std::chrono::minutes(1));
      _exit(9);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == row.code);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  }
}
