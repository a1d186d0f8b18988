#include "audit/ledger.h"

#include "tests/audit/fixture.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using fakes::Fault;

namespace {

/// Thrown by a hook: the process is gone.
struct Crash {};

Error down() {
  return Error{ErrorCode::kUnavailable, "connection reset"};
}

/// Key → bytes of the only version. Fails the test when a key has more than one.
std::map<std::string, std::string> bytes_of(const fakes::MemoryStore& store) {
  std::map<std::string, std::string> out;
  for (const auto& [object, versions] : store.objects) {
    REQUIRE(versions.size() == 1);
    out[object] = versions[0].bytes;
  }
  return out;
}

}  // namespace

TEST_CASE("ledger: the first append writes Genesis with the public key, then the record") {
  Bench bench;
  CHECK(bench.ledger.load(kTarget)->empty());
  const auto ref = bench.append(intent("", "1"));
  REQUIRE(ref);
  CHECK(ref->sequence == 2);
  CHECK(ref->kind == RecordKind::kIntent);
  CHECK(ref->key == kTarget.key(2));
  CHECK(bench.store.objects.size() == 2);
  const auto genesis = bench.ledger.read(kTarget, 1);
  REQUIRE(genesis);
  CHECK(genesis->content.kind == RecordKind::kGenesis);
  CHECK(nlohmann::json::parse(genesis->content.body)["publicKey"] == key().public_pem());
  const auto record = bench.ledger.read(kTarget, 2);
  REQUIRE(record);
  CHECK(record->frame.prev == sha256_digest(bench.store.objects[kTarget.key(1)][0].bytes).str());
  CHECK(record->frame.deviations == options().deviations);
  CHECK(record->frame.operator_version == "0.1.0");
  CHECK(record->frame.retain_until == kNow + std::chrono::hours(24));
  CHECK(bench.ledger.read(kTarget, 3).error().code == ErrorCode::kNotFound);
}

TEST_CASE("ledger: the signed bytes are persisted before they are sent, and those are sent") {
  Bench bench;
  std::string persisted;
  bench.pending.after = [&](std::string_view call, std::string_view) -> Fault {
    if (call == "write") persisted = bench.status.pending->envelope;
    return std::nullopt;
  };
  bench.store.before = [&](std::string_view call, std::string_view) -> Fault {
    if (call == "put") CHECK_FALSE(persisted.empty());
    return std::nullopt;
  };
  const auto ref = bench.append(intent("", "1"));
  REQUIRE(ref);
  CHECK(bench.store.objects[ref->key][0].bytes == persisted);
  CHECK(bench.status.pending->sequence == 2);
  CHECK(bench.status.pending->key == ref->key);
}

TEST_CASE("ledger: the same content again gives the same record and writes nothing") {
  Bench bench;
  const auto first = bench.append(intent("", "1")).value();
  RecordContent again = intent("", "1");
  again.body = R"({"reason":"rebuilt after a crash"})";
  CHECK(bench.append(again)->digest == first.digest);
  CHECK(bench.store.objects.size() == 2);
}

TEST_CASE("ledger: an Applied takes its version from the Intent") {
  Bench bench;
  bench.append(intent("", "1")).value();
  RecordContent end = applied(intent("", "1"), 2);
  end.to = {};
  const auto ref = bench.append(end).value();
  CHECK(bench.append(end)->digest == ref.digest);
  CHECK(bench.ledger.load(kTarget)->serving()->to == version("1"));
}

TEST_CASE("ledger: an object made anew is adopted before anything else is written") {
  Bench bench;
  bench.two_promotions();
  bench.target.uid = "uid-second";
  const auto ref = bench.append(intent("2", "3")).value();
  CHECK(ref.sequence == 7);
  const auto adopted = bench.ledger.read(kTarget, 6).value();
  CHECK(adopted.content.kind == RecordKind::kObjectAdopted);
  const auto body = nlohmann::json::parse(adopted.content.body);
  CHECK(body["old"] == "uid-target");
  CHECK(body["new"] == "uid-second");
  CHECK(Fresh(bench)
            .ledger.append(bench.target, applied(intent("2", "3"), 7), bench.pending)
            ->sequence == 8);
}

TEST_CASE("ledger: of an object that is gone, what is open can be ended, and nothing can begin") {
  Bench bench;
  CHECK(bench.ledger.append({.id = kTarget}, intent("", "1"), bench.pending).error().code ==
        ErrorCode::kNotFound);
  bench.two_promotions();
  bench.append(intent("2", "3")).value();
  RecordContent end = applied(intent("2", "3"), 6);
  end.kind = RecordKind::kAbandoned;
  end.code = EndCode::kTargetGone;
  CHECK(bench.ledger.append({.id = kTarget}, end, bench.pending)->sequence == 7);
  CHECK(bench.ledger.read(kTarget, 7)->frame.object_uid == "uid-target");
  CHECK(Fresh(bench).load()->open_intent() == nullptr);
  CHECK(bench.ledger.append({.id = kTarget}, intent("2", "3"), bench.pending).error().code ==
        ErrorCode::kNotFound);
}

TEST_CASE("ledger: a late writer cannot go on with a request that another has decided or ended") {
  Bench bench;
  const audit::LedgerObject model{
      .id = {.cluster = "c0ffee", .ns = "credit", .kind = LedgerKind::kModel, .name = "m"},
      .uid = "uid-m"};
  const auto append = [&](const RecordContent& content) {
    return bench.ledger.append(model, content, bench.pending);
  };
  RecordContent first = decided("1", "2");
  RecordContent other = first;
  other.decision_digest = digest_of("another decision");
  REQUIRE(append(first));
  CHECK(append(other).error().code == ErrorCode::kConflict);
  RecordContent end = concluded("", EndCode::kSubjectChanged);
  end.request = first.request;
  RecordContent aborted = end;
  aborted.code = EndCode::kAborted;
  aborted.decision_digest = "";
  CHECK(append(aborted).error().code == ErrorCode::kConflict);  // who writes it has not seen that
  REQUIRE(append(end));
  RecordContent results = gate_result("late");
  results.request = first.request;
  CHECK(append(results).error().code == ErrorCode::kConflict);
  results.request.uid = "uid-again";  // created again from the same manifest
  results.request.spec_digest = first.request.spec_digest;
  CHECK(append(results).has_value() == first.request.spec_digest.empty());
}

TEST_CASE("ledger: what it must not write it refuses without a trace") {
  Bench bench;
  bench.two_promotions();
  const auto before = bytes_of(bench.store);

  struct Row {
    const char* what;
    RecordContent content;
    ErrorCode code;
  };

  RecordContent no_version = intent("2", "3");
  no_version.to = {};
  RecordContent with_float = intent("2", "3");
  with_float.body = R"({"auc":0.9})";
  const Row rows[] = {
      {"Genesis", {.kind = RecordKind::kGenesis}, ErrorCode::kInvalid},
      {"adoption", {.kind = RecordKind::kObjectAdopted}, ErrorCode::kInvalid},
      {"Intent without version", no_version, ErrorCode::kInvalid},
      {"body with a float", with_float, ErrorCode::kInvalid},
      {"other ledger's kind", gate_result("r"), ErrorCode::kInvalid},
      {"unknown kind", {.kind = RecordKind::kUnknown}, ErrorCode::kInvalid},
      {"terminal of nothing", aborted(intent("2", "3"), 9, false), ErrorCode::kConflict},
      {"terminal without of", {.kind = RecordKind::kAborted}, ErrorCode::kInvalid},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto ref = bench.append(row.content);
    REQUIRE_FALSE(ref);
    CHECK(ref.error().code == row.code);
  }
  CHECK(bytes_of(bench.store) == before);
  audit::LedgerObject strange = bench.target;
  strange.id.name = "../escape";
  CHECK(bench.ledger.append(strange, intent("2", "3"), bench.pending).error().code ==
        ErrorCode::kInvalid);
}

TEST_CASE("ledger: a crash before or after any call ends in one record with the same bytes") {
  // A run without a crash counts the calls; then each of them is the last of a first process.
  int calls = 0;
  {
    Bench bench;
    const auto count = [&](std::string_view, std::string_view) -> Fault {
      ++calls;
      return std::nullopt;
    };
    bench.store.before = bench.pending.before = count;
    bench.append(intent("", "1")).value();
  }
  REQUIRE(calls >= 10);
  for (int at = 1; at <= calls; ++at) {
    for (const bool after : {false, true}) {
      CAPTURE(at);
      CAPTURE(after);
      Bench bench;
      int seen = 0;
      const fakes::Hook crash = [&](std::string_view, std::string_view) -> Fault {
        if (++seen == at) throw Crash{};
        return std::nullopt;
      };
      (after ? bench.store.after : bench.store.before) = crash;
      (after ? bench.pending.after : bench.pending.before) = crash;
      CHECK_THROWS_AS((void)bench.append(intent("", "1")), Crash);
      bench.store.before = bench.store.after = bench.pending.before = bench.pending.after = nullptr;
      const std::optional<audit::Pending> left = bench.status.pending;
      const auto durable = bytes_of(bench.store);

      bench.clock.advance(std::chrono::hours(1));
      audit::Ledger restarted(bench.store, key(), bench.clock, options());
      const auto ref = restarted.append(bench.target, intent("", "1"), bench.pending);
      REQUIRE(ref);
      CHECK(ref->sequence == 2);
      const auto now = bytes_of(bench.store);
      CHECK(now.size() == 2);
      // What was durable stayed, and what had been signed is what was written.
      for (const auto& [object, bytes] : durable)
        CHECK(now.at(object) == bytes);
      if (left) CHECK(now.at(left->key) == left->envelope);
      CHECK(Fresh(bench).load());
      // The lock runs from the writing, not from the signing.
      CHECK(bench.store.objects[ref->key][0].lock.retain_until >=
            (durable.contains(ref->key) ? kNow : bench.clock.now()) + std::chrono::hours(24));
    }
  }
}

TEST_CASE("ledger: any call that fails once is made good by the next append") {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kThrottled}) {
    for (int at = 1; at <= 20; ++at) {
      for (const bool after : {false, true}) {
        CAPTURE(at);
        CAPTURE(after);
        Bench bench;
        int seen = 0;
        const fakes::Hook fault = [&](std::string_view, std::string_view) -> Fault {
          if (++seen == at) return Error{code, "no answer"};
          return std::nullopt;
        };
        (after ? bench.store.after : bench.store.before) = fault;
        (after ? bench.pending.after : bench.pending.before) = fault;
        auto ref = bench.append(intent("", "1"));
        if (!ref) {
          CHECK(ref.error().code == code);
          ref = bench.append(intent("", "1"));
        }
        REQUIRE(ref);
        CHECK(ref->sequence == 2);
        CHECK(bytes_of(bench.store).size() == 2);
      }
    }
  }
}

TEST_CASE("ledger: a pending record that is not ours and next is dropped") {
  struct Row {
    const char* what;
    std::string (*forge)(const History&);
  };

  static const auto record_after = [](const History& state) {
    return audit::Record{.content = intent("2", "3"),
                         .frame = {.cluster = kTarget.cluster,
                                   .ledger = kTarget.path(),
                                   .object_uid = "uid-target",
                                   .sequence = state.head_sequence() + 1,
                                   .prev = state.head_digest(),
                                   .recorded = kNow + std::chrono::hours(1),
                                   .store_date = kNow,
                                   .retain_until = kNow + std::chrono::hours(2),
                                   .operator_version = "0",
                                   .deviations = {}}};
  };
  static const auto sealed = [](const audit::Record& record, const SigningKey& by) {
    return audit::seal(audit::encode_record(record).value(), by);
  };
  const Row rows[] = {
      {"garbage", [](const History&) { return std::string("garbage"); }},
      {"empty", [](const History&) { return std::string(); }},
      {"unsigned", [](const History& s) { return audit::encode_record(record_after(s)).value(); }},
      {"signed by another", [](const History& s) { return sealed(record_after(s), other_key()); }},
      {"a sequence ahead",
       [](const History& s) {
         audit::Record record = record_after(s);
         ++record.frame.sequence;
         return sealed(record, key());
       }},
      {"of another history",
       [](const History& s) {
         audit::Record record = record_after(s);
         record.frame.prev = digest_of("another");
         return sealed(record, key());
       }},
      {"of another ledger",
       [](const History& s) {
         audit::Record record = record_after(s);
         record.frame.ledger = kModel.path();
         return sealed(record, key());
       }},
      {"of another cluster",
       [](const History& s) {
         audit::Record record = record_after(s);
         record.frame.cluster = "other";
         return sealed(record, key());
       }},
      {"of another object",
       [](const History& s) {
         audit::Record record = record_after(s);
         record.frame.object_uid = "other";
         return sealed(record, key());
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.two_promotions();
    const std::string forged = row.forge(bench.ledger.load(kTarget).value());
    bench.status.pending = audit::Pending{.sequence = 6,
                                          .key = kTarget.key(6),
                                          .retain_until = kNow + std::chrono::hours(24),
                                          .envelope = forged};
    const auto ref = Fresh(bench).ledger.append(bench.target, intent("2", "3"), bench.pending);
    REQUIRE(ref);
    CHECK(ref->sequence == 6);
    CHECK(bench.store.objects[kTarget.key(6)][0].bytes != forged);
  }
}

TEST_CASE("ledger: a pending decision that nobody takes now is never committed") {
  struct Row {
    const char* what;
    RecordContent content;
  };

  RecordContent rescue = intent("2", "1");
  rescue.request = request("rescue");
  rescue.action = "Rollback";
  RecordContent otherwise = intent("2", "3");
  otherwise.body = R"({"reason":"the same decision, told otherwise"})";
  const Row rows[] = {{"a rollback by somebody else", rescue}, {"another body", otherwise}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.two_promotions();
    bench.store.before = [](std::string_view call, std::string_view) -> Fault {
      return call == "put" ? Fault(down()) : std::nullopt;
    };
    CHECK_FALSE(bench.append(intent("2", "3")));
    const std::string dead = bench.status.pending->envelope;
    bench.store.before = nullptr;
    REQUIRE(bench.append(row.content)->sequence == 6);
    CHECK(bench.store.objects[kTarget.key(6)][0].bytes != dead);
    CHECK(Fresh(bench).ledger.read(kTarget, 6)->content.body == row.content.body);
    CHECK(Fresh(bench).load()->head_sequence() == 6);
  }
}

TEST_CASE("ledger: a pending record that says what is to be recorded now is finished as signed") {
  Bench bench;
  bench.two_promotions();
  bench.store.before = [](std::string_view call, std::string_view) -> Fault {
    return call == "put" ? Fault(down()) : std::nullopt;
  };
  CHECK_FALSE(bench.append(intent("2", "3")));
  const std::string signed_bytes = bench.status.pending->envelope;
  bench.store.before = nullptr;
  bench.clock.advance(std::chrono::hours(2));
  Fresh restarted(bench);
  CHECK(restarted.ledger.append(bench.target, intent("2", "3"), bench.pending)->sequence == 6);
  CHECK(bench.store.objects[kTarget.key(6)][0].bytes == signed_bytes);
}

TEST_CASE("ledger: nothing beside the envelope of a pending record is believed") {
  Bench bench;
  bench.two_promotions();
  bench.store.before = [](std::string_view call, std::string_view) -> Fault {
    return call == "put" ? Fault(down()) : std::nullopt;
  };
  CHECK_FALSE(bench.append(intent("2", "3")));
  bench.store.before = nullptr;
  bench.status.pending->key = "v1/elsewhere";
  bench.status.pending->sequence = 99;
  bench.status.pending->retain_until = parse_time("9999-01-01T00:00:00Z").value();
  CHECK(bench.append(intent("2", "3"))->sequence == 6);
  CHECK_FALSE(bench.store.objects.contains("v1/elsewhere"));
  CHECK(bench.store.objects[kTarget.key(6)][0].lock.retain_until ==
        bench.clock.now() + std::chrono::hours(24));
}
