#pragma once

#include "audit/dsse.h"
#include "audit/ledger.h"
#include "tests/fakes/memory_store.h"

#include <string>
#include <vector>

namespace stagekeeper::audit_test {

// Keys for tests alone, made with `openssl genpkey -algorithm ed25519`.
inline constexpr const char* kKeyPem =
    "-----BEGIN PRIVATE "
    "KEY-----\nMC4CAQAwBQYDK2VwBCIEIAdJjDY5VFE2LgoTNUlH4ZuL6IgRI+E0mcWEG5YspG5W\n-----END PRIVATE "
    "KEY-----\n";
inline constexpr const char* kOtherKeyPem =
    "-----BEGIN PRIVATE "
    "KEY-----\nMC4CAQAwBQYDK2VwBCIEILhENAOmg99RmkxC9WgwvRirqmXDPRziXnYnZww3eGkI\n-----END PRIVATE "
    "KEY-----\n";

inline const TimePoint kNow = parse_time("2026-03-03T09:15:00Z").value();

inline const audit::LedgerId kTarget{
    .cluster = "c0ffee", .ns = "credit", .kind = LedgerKind::kTarget, .name = "credit-risk-eu"};
inline const audit::LedgerId kModel{
    .cluster = "c0ffee", .ns = "credit", .kind = LedgerKind::kModel, .name = "credit-risk"};

// Read once: OpenSSL takes a millisecond for a PEM.
inline const SigningKey& key() {
  static const SigningKey read = SigningKey::from_pem(kKeyPem).value();
  return read;
}

inline const SigningKey& other_key() {
  static const SigningKey read = SigningKey::from_pem(kOtherKeyPem).value();
  return read;
}

inline const std::vector<audit::TrustedKey>& trusted() {
  static const std::vector<audit::TrustedKey> keys = {
      audit::trusted_key(key().public_pem()).value()};
  return keys;
}

inline std::string digest_of(const std::string& text) {
  return sha256_digest(text).str();
}

inline VersionRef version(const std::string& number) {
  return {.version = number,
          .digest = digest_of("artifact " + number),
          .artifact_uri = "s3://models/credit-risk/" + number + "/model.json",
          .stage = "Production"};
}

inline RequestRef request(const std::string& name) {
  return {.name = name, .uid = "uid-" + name, .spec_digest = digest_of(name), .generation = 1};
}

/// An Intent to go from one version to another, by a request of its own.
inline RecordContent intent(const std::string& from, const std::string& to) {
  return {.kind = RecordKind::kIntent,
          .effect = Effect::kPin,
          .model = "credit-risk",
          .request = request("to-" + to),
          .requester = {.username = "alice", .uid = "1001"},
          .action = "Promote",
          .decision_digest = digest_of("decision " + to),
          .from = from.empty() ? VersionRef() : version(from),
          .to = version(to),
          .decided = digest_of("Decided " + to),
          .body = R"({"reason":"better"})"};
}

/// The record that closes it.
inline RecordContent closing(const RecordContent& of, RecordKind kind, std::uint64_t sequence) {
  RecordContent content = of;
  content.kind = kind;
  content.of = sequence;
  content.decided.clear();
  content.code = kind == RecordKind::kAborted ? EndCode::kRolloutFailed : EndCode::kNone;
  content.body = "{}";
  return content;
}

inline RecordContent applied(const RecordContent& of, std::uint64_t sequence) {
  return closing(of, RecordKind::kApplied, sequence);
}

inline RecordContent aborted(const RecordContent& of, std::uint64_t sequence, bool pins_changed) {
  RecordContent content = closing(of, RecordKind::kAborted, sequence);
  content.pins_changed = pins_changed;
  return content;
}

/// Records of the model's ledger.
inline RecordContent gate_result(const std::string& name) {
  return {.kind = RecordKind::kGateResult,
          .model = "credit-risk",
          .request = request(name),
          .action = "Promote",
          .decision_digest = digest_of("evaluation " + name),
          .to = version("1")};
}

inline RecordContent decided(const std::string& from, const std::string& to) {
  RecordContent content = intent(from, to);
  content.kind = RecordKind::kDecided;
  content.effect = Effect::kNone;
  content.decided.clear();
  content.targets = {"credit-risk-eu"};
  return content;
}

inline RecordContent concluded(const std::string& name, EndCode code) {
  return {.kind = RecordKind::kConcluded,
          .model = "credit-risk",
          .request = request(name),
          .action = "Promote",
          .code = code};
}

inline audit::LedgerOptions options() {
  return {.operator_version = "0.1.0",
          .retention = std::chrono::hours(24),
          .deviations = {{.point = "f", .reason = "this store cannot"}}};
}

/// One operator with a bucket and an object's status, all in memory.
struct Bench {
  fakes::ManualClock clock{kNow};
  fakes::MemoryStore store{clock};
  fakes::MemoryStatus status;
  fakes::MemoryPending pending{status};
  audit::Ledger ledger{store, key(), clock, options()};
  audit::LedgerObject target{.id = kTarget, .uid = "uid-target"};

  Result<RecordFact> append(const RecordContent& content) {
    return ledger.append(target, content, pending);
  }

  /// Genesis, Intent 2 to version 1, Applied 3, Intent 4 to version 2, Applied 5.
  void two_promotions() {
    clock.advance(std::chrono::seconds(10));
    append(intent("", "1")).value();
    append(applied(intent("", "1"), 2)).value();
    clock.advance(std::chrono::seconds(10));
    append(intent("1", "2")).value();
    append(applied(intent("1", "2"), 4)).value();
  }
};

/// Another operator on the same bucket, which has seen nothing yet.
struct Fresh {
  audit::Ledger ledger;

  explicit Fresh(Bench& bench) : ledger(bench.store, key(), bench.clock, options()) {}

  Result<History> load(const audit::LedgerId& id = kTarget) { return ledger.load(id); }
};

}  // namespace stagekeeper::audit_test
