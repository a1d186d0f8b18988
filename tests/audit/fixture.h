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

inline const audit::LedgerId kTarget{.cluster = "c0ffee",
                                     .ns = "credit",
                                     .kind = audit::LedgerKind::kTarget,
                                     .name = "credit-risk-eu"};
inline const audit::LedgerId kModel{
    .cluster = "c0ffee", .ns = "credit", .kind = audit::LedgerKind::kModel, .name = "credit-risk"};

// Read once: OpenSSL takes a millisecond for a PEM.
inline const SigningKey& key() {
  static const SigningKey read = SigningKey::from_pem(kKeyPem).value();
  return read;
}

inline const SigningKey& other_key() {
  static const SigningKey read = SigningKey::from_pem(kOtherKeyPem).value();
  return read;
}

inline const std::vector<VerifyKey>& trusted() {
  static const std::vector<VerifyKey> keys = {VerifyKey::from_pem(key().public_pem()).value()};
  return keys;
}

inline std::string digest_of(const std::string& text) {
  return sha256_digest(text).str();
}

inline audit::ModelState version(const std::string& number) {
  return {.version = number,
          .digest = digest_of("artifact " + number),
          .artifact_uri = "s3://models/credit-risk/" + number + "/model.json",
          .stage = "Production"};
}

/// An Intent to go from one version to another, by a request of its own.
inline audit::Draft intent(const std::string& from, const std::string& to) {
  return {.kind = audit::RecordKind::kIntent,
          .model = "credit-risk",
          .request = {.name = "to-" + to, .uid = "uid-to-" + to, .generation = 1},
          .requester = {.username = "alice", .uid = "1001"},
          .decision_digest = digest_of("decision " + to),
          .action = "Promote",
          .from = from.empty() ? std::nullopt : std::optional(version(from)),
          .to = version(to),
          .body = R"({"reason":"better"})"};
}

/// The record that closes it.
inline audit::Draft terminal(const audit::Draft& of, audit::RecordKind kind,
                             std::uint64_t sequence) {
  audit::Draft draft = of;
  draft.kind = kind;
  draft.of = sequence;
  draft.body = "{}";
  return draft;
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

  Result<audit::RecordRef> append(const audit::Draft& draft) {
    return ledger.append(target, draft, pending);
  }

  /// Genesis, Intent 2 to version 1, Applied 3, Intent 4 to version 2, Applied 5.
  void two_promotions() {
    clock.advance(std::chrono::seconds(10));
    append(intent("", "1")).value();
    append(terminal(intent("", "1"), audit::RecordKind::kApplied, 2)).value();
    clock.advance(std::chrono::seconds(10));
    append(intent("1", "2")).value();
    append(terminal(intent("1", "2"), audit::RecordKind::kApplied, 4)).value();
  }
};

/// The bucket's bytes, read by somebody who has seen nothing before.
inline Result<audit::LedgerSnapshot> fresh_load(fakes::MemoryStore& store, const Clock& clock,
                                                const audit::LedgerId& id = kTarget) {
  audit::Ledger reader(store, key(), clock, options());
  return reader.load(id);
}

}  // namespace stagekeeper::audit_test
