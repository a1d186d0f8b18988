// Against a real S3 server with object lock: with S3_ENDPOINT, S3_REGION, S3_CA_FILE,
// S3_AUDIT_BUCKET, S3_AUDIT_ACCESS_KEY and S3_AUDIT_SECRET_KEY in the environment (the e2e
// cluster's s3.env), as the account that the operator uses. Passes over itself without them. What
// it writes is locked for minutes, below the prefix of a cluster of its own.
#include "audit/inspect.h"
#include "audit/ledger.h"
#include "audit/probe.h"
#include "audit/s3_store.h"
#include "aws/s3_address.h"
#include "base/files.h"
#include "http/cpprest_client.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <string>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

struct RealStore {
  SystemClock clock;
  std::string cluster = "test-" + random_hex(6);
  std::unique_ptr<http::Client> http;
  std::unique_ptr<aws::S3Client> client;
  std::unique_ptr<audit::S3Store> store;
  fakes::MemoryStatus status;
  fakes::MemoryPending pending{status};
  audit::LedgerId id{
      .cluster = cluster, .ns = "credit", .kind = LedgerKind::kTarget, .name = "credit-risk-eu"};

  explicit RealStore(const std::string& endpoint) {
    http::ClientOptions options;
    options.origin = endpoint;
    const std::string ca = variable("S3_CA_FILE");
    if (!ca.empty()) options.ca_pem = read_file(ca, 1U << 20U).value();
    http = http::make_client(options).value();
    client = std::make_unique<aws::S3Client>(
        *http,
        aws::S3Options{
            .host = aws::s3_address(endpoint, "audit", aws::S3Addressing::kPath)->host,
            .region = variable("S3_REGION"),
            .bucket = variable("S3_AUDIT_BUCKET"),
            .credentials = {.access_key_id = variable("S3_AUDIT_ACCESS_KEY"),
                            .secret_access_key = aws::Secret(variable("S3_AUDIT_SECRET_KEY"))}},
        clock);
    store = std::make_unique<audit::S3Store>(*client);
  }

  audit::Ledger ledger() {
    audit::LedgerOptions chosen = options();
    chosen.retention = std::chrono::minutes(2);
    return {*store, key(), clock, chosen};
  }
};

}  // namespace

TEST_CASE("real store: writes once, locks, and fails only what is known of it") {
  const std::string endpoint = variable("S3_ENDPOINT");
  if (endpoint.empty()) return;
  RealStore real(endpoint);

  CHECK(real.client->bucket_lock().value().enabled);
  CHECK(real.client->versioning_enabled().value());
  const auto probed = audit::probe_bucket(*real.client, real.clock, real.cluster);
  REQUIRE_MESSAGE(probed, probed.error().message);
  std::string failed;
  for (const audit::ProbeResult& result : *probed) {
    fmt::print("({}) {:38} {:9} {}\n", result.point, audit::probe_point_title(result.point),
               audit::name(result.outcome), result.detail);
    if (result.outcome == audit::ProbeOutcome::kFailed) failed += result.point;
  }
  const audit::ProbeVerdict verdict =
      audit::judge_probe(*probed, {{.point = "f", .reason = "known of this store"}});
  fmt::print("{} {}\n{}\n", verdict.trusted, verdict.reason, verdict.message);
  CHECK(failed == "f");
  CHECK(verdict.reason == "AcknowledgedDeviations");
}

TEST_CASE("real store: a ledger is written, read by others, and continued") {
  const std::string endpoint = variable("S3_ENDPOINT");
  if (endpoint.empty()) return;
  RealStore real(endpoint);
  const audit::LedgerObject target{.id = real.id, .uid = "uid-target"};
  {
    audit::Ledger first = real.ledger();
    REQUIRE(first.load(real.id).value().empty());
    const auto ref = first.append(target, intent("", "1"), real.pending);
    REQUIRE_MESSAGE(ref, ref.error().message);
    CHECK(ref->sequence == 2);
    CHECK(first.append(target, intent("", "1"), real.pending)->digest == ref->digest);
  }
  // A restarted operator, and the same PUT once more: 412, found to be ours.
  audit::Ledger second = real.ledger();
  const RecordContent done = applied(intent("", "1"), 2);
  CHECK(second.append(target, done, real.pending).value().sequence == 3);
  CHECK(real.store
            ->put_new(real.id.key(3), real.status.pending->envelope,
                      real.clock.now() + std::chrono::minutes(2))
            .error()
            .code == ErrorCode::kAlreadyExists);
  CHECK(second.load(real.id)->serving()->to.version == "1");
  CHECK(real.store->get(real.id.key(9), "01ARZ3NDEKTSV4RRFFQ69G5FAV").error().code ==
        ErrorCode::kNotFound);

  const auto contents = audit::list_bucket(*real.store, real.cluster, "");
  REQUIRE(contents);
  REQUIRE(contents->ledgers.size() == 1);
  CHECK(contents->strangers.empty());
  const auto report =
      audit::inspect_ledger(*real.store, contents->ledgers.begin()->second, trusted());
  REQUIRE(report);
  CHECK(report->findings.empty());
  CHECK(report->records.size() == 3);
}
