#include "audit/probe.h"

#include "tests/audit/fixture.h"
#include "tests/fakes/fake_s3.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using audit::ProbeOutcome;
using audit::ProbeResult;
using fakes::FakeS3;

namespace {

struct ProbeBench {
  fakes::ManualClock clock{kNow};
  fakes::MemoryStore store{clock};
  FakeS3 server{store, clock};
  aws::S3Client client{
      server,
      {.host = "fake",
       .region = "us-east-1",
       .bucket = "audit",
       .credentials = {.access_key_id = "a", .secret_access_key = aws::Secret("s")}},
      clock};
};

/// "b+ c? f- i+": passed, unproven, failed.
std::string summary(const std::vector<ProbeResult>& results) {
  std::string out;
  for (const ProbeResult& result : results) {
    if (!out.empty()) out += ' ';
    out += result.point;
    out += result.outcome == ProbeOutcome::kPassed   ? '+'
           : result.outcome == ProbeOutcome::kFailed ? '-'
                                                     : '?';
  }
  return out;
}

std::vector<ProbeResult> results(const std::string& text) {
  std::vector<ProbeResult> out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const ProbeOutcome outcome = text[i + 1] == '+'   ? ProbeOutcome::kPassed
                                 : text[i + 1] == '-' ? ProbeOutcome::kFailed
                                                      : ProbeOutcome::kUnproven;
    out.push_back({.point = std::string(1, text[i]), .outcome = outcome, .detail = "seen"});
  }
  return out;
}

}  // namespace

TEST_CASE("probe: each deviation of a store fails its own point") {
  struct Row {
    const char* what;
    void (*set)(fakes::S3Quirks&);
    const char* summary;
  };

  const Row rows[] = {
      {"a good store, and all rights", [](auto&) {}, "b+ c+ f+ i+"},
      {"a good store, and only the rights needed", [](auto& q) { q.may_delete = false; },
       "b+ c? f+ i+"},
      {"no right to change locks", [](auto& q) { q.may_delete = q.may_change_retention = false; },
       "b+ c? f? i+"},
      {"overwrites", [](auto& q) { q.overwrites = true; }, "b- c+ f+ i+"},
      {"deletes", [](auto& q) { q.deletes = true; }, "b+ c- f+ i+"},
      {"pretends to delete", [](auto& q) { q.ignores_deletes = true; }, "b+ c- f+ i+"},
      {"shortens", [](auto& q) { q.shortens = true; }, "b+ c+ f- i+"},
      {"does not lock", [](auto& q) { q.locks = false; }, "b+ c+ f+ i-"},
      {"no right to write", [](auto& q) { q.may_write = false; }, "b? c? f? i?"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ProbeBench bench;
    row.set(bench.server.quirks);
    const auto probed = audit::probe_bucket(bench.client, bench.clock, "c0ffee");
    REQUIRE(probed);
    CHECK(summary(*probed) == row.summary);
    for (const ProbeResult& result : *probed)
      CHECK_FALSE(result.detail.empty());
    for (const auto& [object, versions] : bench.store.objects)
      CHECK(object.starts_with("v1/c0ffee/probe/"));
  }
}

TEST_CASE("probe: a store that cannot be asked is no verdict") {
  ProbeBench bench;
  int at = 0;
  for (int fail_at = 1; fail_at <= 7; ++fail_at) {
    CAPTURE(fail_at);
    at = 0;
    bench.server.instead = [&](const http::Request&) -> std::optional<http::Response> {
      if (++at == fail_at) return fakes::s3_error_answer(503, "SlowDown", "slow");
      return std::nullopt;
    };
    const auto probed = audit::probe_bucket(bench.client, bench.clock, "c0ffee");
    REQUIRE_FALSE(probed);
    CHECK(is_transient(probed.error()));
  }
}

TEST_CASE("probe: keys, a clock or a bucket that are wrong are no verdict about the store") {
  ProbeBench bench;
  int at = 0;
  for (const char* code : {"InvalidAccessKeyId", "RequestTimeTooSkewed", "NoSuchBucket"}) {
    for (int fail_at = 1; fail_at <= 7; ++fail_at) {
      CAPTURE(code);
      CAPTURE(fail_at);
      at = 0;
      bench.server.instead = [&](const http::Request&) -> std::optional<http::Response> {
        if (++at == fail_at) return fakes::s3_error_answer(403, code, "no");
        return std::nullopt;
      };
      const auto probed = audit::probe_bucket(bench.client, bench.clock, "c0ffee");
      REQUIRE_FALSE(probed);
      CHECK(probed.error().code == ErrorCode::kMisconfigured);
      CHECK(probed.error().message.find(code) != std::string::npos);
    }
  }
}

TEST_CASE("probe: a bucket without object lock fails (i)") {
  ProbeBench bench;
  bench.server.instead = [&](const http::Request&) -> std::optional<http::Response> {
    return fakes::s3_error_answer(400, "InvalidRequest", "Bucket is missing Object Lock");
  };
  CHECK(summary(audit::probe_bucket(bench.client, bench.clock, "c").value()) == "b? c? f? i-");
}

TEST_CASE("probe: judged by what passed and what was acknowledged") {
  struct Row {
    const char* results;
    std::vector<audit::Deviation> acknowledged;
    bool trusted;
    const char* reason;
    const char* says;
  };

  const std::vector<audit::Deviation> f = {{.point = "f", .reason = "known"}};
  const Row rows[] = {
      {"b+ c+ f+ i+", {}, true, "Trusted", "all points passed"},
      {"b+ c+ f+ i+", f, true, "Trusted", "all points passed"},
      {"b+ c? f+ i+", {}, true, "Trusted", "(c) a record cannot be deleted: seen [unproven]"},
      {"b+ c? f? i+", {}, true, "Trusted", "[unproven]"},
      {"b+ c? f- i+", f, true, "AcknowledgedDeviations", "[acknowledged: known]"},
      {"b+ c? f- i+", {}, false, "DeviationNotAcknowledged", "(f) a lock cannot be shortened"},
      {"b+ c- f- i+", f, false, "DeviationNotAcknowledged", "(c)"},
      {"b- c+ f+ i+", f, false, "DeviationNotAcknowledged", "(b)"},
      {"b? c+ f+ i+", {}, false, "ProbeIncomplete", "(b)"},
      {"b+ c+ f+ i?", f, false, "ProbeIncomplete", "(i)"},
      {"b+ c+ f+",
       {},
       false,
       "ProbeIncomplete",
       "(i) lock and bytes read back as written: not tried"},
      {"b? c- f+ i+", {}, false, "DeviationNotAcknowledged", "(b)"},
      {"", {}, false, "ProbeIncomplete", "not tried"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.results);
    const auto verdict = audit::judge_probe(results(row.results), row.acknowledged);
    CHECK(verdict.trusted == row.trusted);
    CHECK(verdict.reason == row.reason);
    CHECK_MESSAGE(verdict.message.find(row.says) != std::string::npos, verdict.message);
  }
}
