#include "audit/chain.h"

#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using audit::Finding;
using audit::RecordKind;
using audit::VersionEntry;

namespace {

/// The stored records of Bench::two_promotions().
std::vector<audit::StoredRecord> records_of(const Bench& bench) {
  std::vector<audit::StoredRecord> out;
  for (const auto& [object, versions] : bench.store.objects)
    out.push_back({.key = object, .version_id = versions[0].id, .bytes = versions[0].bytes});
  return out;
}

Result<audit::LedgerState> fold(const std::vector<audit::StoredRecord>& records) {
  audit::LedgerState state{.id = kTarget};
  for (const audit::StoredRecord& record : records) {
    const Result<audit::Record> added = audit::extend(state, record, trusted());
    if (!added) return tl::unexpected(added.error());
  }
  return state;
}

/// The same record with something changed before it was signed: by a thief of the key.
std::string resealed(const std::string& envelope, void (*change)(audit::Record&)) {
  audit::Record record =
      audit::decode_record(audit::open_envelope(envelope, trusted())->payload).value();
  change(record);
  return audit::seal(audit::encode_record(record).value(), key());
}

std::vector<VersionEntry> listing(std::initializer_list<std::uint64_t> sequences) {
  std::vector<VersionEntry> out;
  for (const std::uint64_t sequence : sequences) {
    out.push_back({.key = kTarget.key(sequence),
                   .version_id = "v" + std::to_string(sequence),
                   .is_latest = true,
                   .delete_marker = false});
  }
  return out;
}

}  // namespace

TEST_CASE("chain: tells what serves, what served before and what is open") {
  Bench bench;
  bench.two_promotions();
  const auto state = fold(records_of(bench));
  REQUIRE(state);
  CHECK(state->head_sequence() == 5);
  REQUIRE(state->serving);
  CHECK(state->serving->what.version == "2");
  CHECK(state->serving->by.sequence == 5);
  REQUIRE(state->previous);
  CHECK(state->previous->what.version == "1");
  CHECK(state->previous->by.sequence == 3);
  CHECK(state->open_intents.empty());
  CHECK(state->terminal_of(2)->ref.sequence == 3);
  CHECK(state->object_uid == "uid-target");

  bench.append(intent("2", "3")).value();
  const auto open = fold(records_of(bench));
  REQUIRE(open);
  CHECK(open->open_intents == std::vector<std::uint64_t>{6});
  CHECK(open->serving->what.version == "2");
  CHECK(open->terminal_of(6) == nullptr);
}

TEST_CASE("chain: every record that was changed, moved or forged is found") {
  Bench bench;
  bench.two_promotions();
  const std::vector<audit::StoredRecord> good = records_of(bench);

  struct Row {
    const char* what;
    void (*spoil)(std::vector<audit::StoredRecord>&);
    const char* says;
  };

  const Row rows[] = {
      {"changed byte", [](auto& r) { r[2].bytes[100] ^= 1; }, "record 3"},
      {"emptied", [](auto& r) { r[2].bytes.clear(); }, "record 3"},
      {"missing record", [](auto& r) { r.erase(r.begin() + 2); }, "record 3: says it is record 4"},
      {"two swapped", [](auto& r) { std::swap(r[2].bytes, r[3].bytes); }, "record 3"},
      {"two swapped with keys", [](auto& r) { std::swap(r[2], r[3]); }, "record 3"},
      {"repeated", [](auto& r) { r.insert(r.begin() + 2, r[1]); }, "record 3: says it is record 2"},
      {"first one missing", [](auto& r) { r.erase(r.begin()); }, "record 1"},
      {"under another key", [](auto& r) { r[2].key = kTarget.key(9); }, "record 3"},
      {"under another ledger's key", [](auto& r) { r[2].key = kModel.key(3); }, "record 3"},
      {"signed by another key",
       [](auto& r) {
         r[2].bytes =
             audit::seal(audit::open_envelope(r[2].bytes, trusted())->payload, other_key());
       },
       "not trusted"},
      {"another version",
       [](auto& r) {
         r[3].bytes = resealed(r[3].bytes, [](audit::Record& x) { x.draft.to = version("9"); });
       },
       "record 5: does not follow"},
      {"wrong prev",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.frame.prev = digest_of("x"); });
       },
       "does not follow"},
      {"no prev",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.frame.prev.clear(); });
       },
       "does not follow"},
      {"wrong sequence",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.frame.sequence = 4; });
       },
       "says it is record 4"},
      {"wrong cluster",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.frame.cluster = "other"; });
       },
       "another ledger"},
      {"wrong ledger",
       [](auto& r) {
         r[2].bytes =
             resealed(r[2].bytes, [](audit::Record& x) { x.frame.ledger = kModel.path(); });
       },
       "another ledger"},
      {"back in time",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes,
                               [](audit::Record& x) { x.frame.recorded -= std::chrono::hours(1); });
       },
       "older than"},
      {"no retention",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes,
                               [](audit::Record& x) { x.frame.retain_until = x.frame.recorded; });
       },
       "not to be retained"},
      {"a strange object uid",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.frame.object_uid = "other"; });
       },
       "never adopted"},
      {"Applied of another version",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.draft.to = version("9"); });
       },
       "another version"},
      {"Applied of another request",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.draft.request.uid = "z"; });
       },
       "another request"},
      {"Applied of an Intent that is not open",
       [](auto& r) { r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.draft.of = 1; }); },
       "not open"},
      {"Applied without an Intent",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.draft.of.reset(); });
       },
       "names its Intent"},
      {"Genesis in the middle",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes,
                               [](audit::Record& x) { x.draft = {.kind = RecordKind::kGenesis}; });
       },
       "Genesis is the first"},
      {"no Genesis",
       [](auto& r) {
         r[0].bytes = resealed(
             r[0].bytes, [](audit::Record& x) { x.draft = {.kind = RecordKind::kGateResult}; });
       },
       "Genesis is the first"},
      {"two Intents at once",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.draft = intent("1", "9"); });
       },
       "still open"},
      {"a kind of the other ledger",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes,
                               [](audit::Record& x) { x.draft = {.kind = RecordKind::kStaged}; });
       },
       "does not belong"},
  };
  REQUIRE(fold(good));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    std::vector<audit::StoredRecord> bad = good;
    row.spoil(bad);
    const auto state = fold(bad);
    REQUIRE_FALSE(state);
    CHECK(state.error().code == ErrorCode::kCorrupt);
    CHECK_MESSAGE(state.error().message.find(row.says) != std::string::npos, state.error().message);
  }
}

TEST_CASE("chain: a record that does not fit leaves the state as it was") {
  Bench bench;
  bench.two_promotions();
  auto records = records_of(bench);
  audit::LedgerState state{.id = kTarget};
  REQUIRE(audit::extend(state, records[0], trusted()));
  CHECK_FALSE(audit::extend(state, records[2], trusted()));
  CHECK(state.head_sequence() == 1);
  CHECK(audit::extend(state, records[1], trusted()));
}

TEST_CASE("chain: a listing in order is the ledger") {
  const auto arranged = audit::arrange(kTarget, 1, listing({3, 1, 2}));
  REQUIRE(arranged.records.size() == 3);
  CHECK(arranged.records[2].key == kTarget.key(3));
  CHECK(arranged.findings.empty());
  CHECK(audit::arrange(kTarget, 1, {}).records.empty());
  CHECK(audit::arrange(kTarget, 3, listing({2, 3})).records.size() == 1);
}

TEST_CASE("chain: a listing with anything else in it is told") {
  struct Row {
    const char* what;
    std::vector<VersionEntry> entries;
    std::size_t records;
    Finding::Kind kind;
    std::uint64_t sequence;
    const char* says;
  };

  const VersionEntry first{.key = kTarget.key(2), .version_id = "v2"};
  const VersionEntry second{.key = kTarget.key(2), .version_id = "evil", .is_latest = true};
  const VersionEntry marker{
      .key = kTarget.key(2), .version_id = "gone", .is_latest = true, .delete_marker = true};
  const VersionEntry stranger{.key = kTarget.prefix() + "readme", .version_id = "1"};
  std::vector<VersionEntry> over = listing({1});
  over.insert(over.end(), {second, first});
  std::vector<VersionEntry> hidden = listing({1});
  hidden.insert(hidden.end(), {marker, first});
  std::vector<VersionEntry> erased = listing({1});
  erased.push_back(marker);
  std::vector<VersionEntry> extra = listing({1, 2});
  extra.push_back(stranger);
  const Row rows[] = {
      {"gap", listing({1, 3}), 1, Finding::Kind::kIncomplete, 2, "record 2 is missing"},
      {"wide gap", listing({1, 5}), 1, Finding::Kind::kIncomplete, 2, "records 2 to 4 are missing"},
      {"no first", listing({2}), 0, Finding::Kind::kIncomplete, 1, "record 1 is missing"},
      {"written over", over, 2, Finding::Kind::kTampered, 2, "1 more version"},
      {"hidden", hidden, 2, Finding::Kind::kTampered, 2, "delete marker"},
      {"only a marker", erased, 1, Finding::Kind::kTampered, 2, "delete marker"},
      {"stranger", extra, 2, Finding::Kind::kTampered, 0, "strange object"},
      {"sequence 0", listing({0, 1}), 1, Finding::Kind::kTampered, 0, "strange object"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto arranged = audit::arrange(kTarget, 1, row.entries);
    CHECK(arranged.records.size() == row.records);
    REQUIRE_FALSE(arranged.findings.empty());
    CHECK(arranged.findings[0].kind == row.kind);
    CHECK(arranged.findings[0].sequence == row.sequence);
    CHECK(arranged.findings[0].what.find(row.says) != std::string::npos);
    for (const VersionEntry& record : arranged.records)
      CHECK(record.version_id != "evil");
  }
}

TEST_CASE("chain: a rollback may be opened over the rollout that it takes back, and nothing else") {
  Bench bench;
  bench.two_promotions();
  const audit::Draft out = intent("2", "3");
  bench.append(out).value();  // 6
  audit::Draft back = intent("3", "2");
  back.action = "Rollback";
  SUBCASE("of another request") {
    CHECK(bench.append(back).error().code == ErrorCode::kConflict);
  }
  SUBCASE("not a rollback") {
    back.request = out.request;
    back.action = "Promote";
    CHECK(bench.append(back).error().code == ErrorCode::kConflict);
  }
  SUBCASE("of the same request") {
    back.request = out.request;
    CHECK(bench.append(back)->sequence == 7);
    audit::Draft again = back;
    again.decision_digest = digest_of("another");
    CHECK(bench.append(again).error().code == ErrorCode::kConflict);
    bench.append(terminal(back, RecordKind::kApplied, 7)).value();
    bench.append(terminal(out, RecordKind::kAborted, 6)).value();
    const auto state = bench.ledger.load(kTarget).value();
    CHECK(state->open_intents.empty());
    CHECK(state->serving->what.version == "2");
  }
}

TEST_CASE("chain: finds the record that already says the same") {
  Bench bench;
  bench.two_promotions();
  const auto state = bench.ledger.load(kTarget).value();
  CHECK(audit::find_same(*state, intent("1", "2"))->ref.sequence == 4);
  audit::Draft other = intent("1", "2");
  other.body = R"({"reason":"said otherwise"})";
  CHECK(audit::find_same(*state, other)->ref.sequence == 4);

  struct Row {
    const char* what;
    void (*spoil)(audit::Draft&);
  };

  const Row rows[] = {
      {"request", [](audit::Draft& d) { d.request.uid = "x"; }},
      {"decision", [](audit::Draft& d) { d.decision_digest = digest_of("x"); }},
      {"action", [](audit::Draft& d) { d.action = "Rollback"; }},
      {"of", [](audit::Draft& d) { d.of = 2; }},
      {"kind", [](audit::Draft& d) { d.kind = RecordKind::kGateResult; }},
      {"version", [](audit::Draft& d) { d.to = version("3"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    audit::Draft draft = intent("1", "2");
    row.spoil(draft);
    CHECK(audit::find_same(*state, draft) == nullptr);
  }
}

TEST_CASE("chain: without a request only the latest of a kind counts as the same") {
  Bench bench;
  bench.target.id = kModel;
  const auto policy = [](const char* digest) {
    return audit::Draft{.kind = RecordKind::kPolicyChange,
                        .model = "credit-risk",
                        .decision_digest = digest_of(digest)};
  };
  CHECK(bench.append(policy("a"))->sequence == 2);
  CHECK(bench.append(policy("a"))->sequence == 2);
  CHECK(bench.append(policy("b"))->sequence == 3);
  CHECK(bench.append(policy("a"))->sequence == 4);
}
