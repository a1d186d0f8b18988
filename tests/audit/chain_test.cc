#include "audit/chain.h"

#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using audit::Finding;
using audit::VersionEntry;

namespace {

/// The stored records of Bench::two_promotions().
std::vector<audit::StoredRecord> records_of(const Bench& bench) {
  std::vector<audit::StoredRecord> out;
  for (const auto& [object, versions] : bench.store.objects)
    out.push_back({.key = object, .version_id = versions[0].id, .bytes = versions[0].bytes});
  return out;
}

struct Folded {
  audit::Chain chain{kTarget};
  Status status;

  explicit Folded(const std::vector<audit::StoredRecord>& records,
                  const std::vector<audit::TrustedKey>& keys = trusted()) {
    for (const audit::StoredRecord& record : records) {
      const auto opened = audit::open_record(record, keys);
      status = opened ? chain.extend(*opened) : tl::unexpected(opened.error());
      if (!status) return;
    }
  }
};

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

TEST_CASE("chain: tells what serves and what is open") {
  Bench bench;
  bench.two_promotions();
  const Folded folded(records_of(bench));
  REQUIRE(folded.status);
  const History history = folded.chain.history();
  CHECK(history.head_sequence() == 5);
  CHECK(history.serving()->to.version == "2");
  CHECK(history.open_intent() == nullptr);
  CHECK(history.end_of(2)->sequence == 3);
  CHECK(folded.chain.object_uid() == "uid-target");
  CHECK(folded.chain.key_id() == key().key_id().str());
  CHECK(history.at(4)->body == "{}");

  bench.append(intent("2", "3")).value();
  const Folded open(records_of(bench));
  REQUIRE(open.status);
  CHECK(open.chain.history().open_intent()->sequence == 6);
  CHECK(open.chain.history().serving()->to.version == "2");
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
      {"changed byte", [](auto& r) { r[2].bytes[100] ^= 1; }, "envelope"},
      {"emptied", [](auto& r) { r[2].bytes.clear(); }, "envelope"},
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
         r[3].bytes = resealed(r[3].bytes, [](audit::Record& x) { x.content.to = version("9"); });
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
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.content.to = version("9"); });
       },
       "another version"},
      {"Applied of another request",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.content.request.uid = "z"; });
       },
       "another request"},
      {"Applied of an Intent that is not open",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.content.of = 1; });
       },
       "not open"},
      {"Applied without an Intent",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.content.of = 0; });
       },
       "what ends an Intent names it"},
      {"Genesis in the middle",
       [](auto& r) {
         r[2].bytes = resealed(
             r[2].bytes, [](audit::Record& x) { x.content = {.kind = RecordKind::kGenesis}; });
       },
       "Genesis is the first"},
      {"no Genesis",
       [](auto& r) {
         r[0].bytes = resealed(
             r[0].bytes, [](audit::Record& x) { x.content = {.kind = RecordKind::kGateResult}; });
       },
       "Genesis is the first"},
      {"two Intents at once",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.content = intent("1", "9"); });
       },
       "still open"},
      {"a kind of the other ledger",
       [](auto& r) {
         r[2].bytes = resealed(r[2].bytes, [](audit::Record& x) { x.content = gate_result("r"); });
       },
       "does not belong"},
  };
  REQUIRE(Folded(good).status);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    std::vector<audit::StoredRecord> bad = good;
    row.spoil(bad);
    const Status status = Folded(bad).status;
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::kCorrupt);
    CHECK_MESSAGE(status.error().message.find(row.says) != std::string::npos,
                  status.error().message);
  }
}

TEST_CASE("chain: a record that does not fit leaves the chain as it was") {
  Bench bench;
  bench.two_promotions();
  const auto records = records_of(bench);
  const auto opened = [&](std::size_t at) {
    return audit::open_record(records[at], trusted()).value();
  };
  audit::Chain chain(kTarget);
  REQUIRE(chain.extend(opened(0)));
  CHECK_FALSE(chain.extend(opened(2)));
  CHECK(chain.history().head_sequence() == 1);
  CHECK(chain.extend(opened(1)));
}

TEST_CASE("chain: what a later version wrote without effect does not break the ledger") {
  Bench bench;
  bench.two_promotions();
  std::vector<audit::StoredRecord> records = records_of(bench);
  audit::Record later =
      audit::decode_record(audit::open_envelope(records[4].bytes, trusted())->payload).value();
  later.content = {.kind = RecordKind::kUnknown, .kind_text = "ShadowReport"};
  later.frame.sequence = 6;
  later.frame.prev = sha256_digest(records[4].bytes).str();
  const auto sealed = [&] {
    return audit::StoredRecord{.key = kTarget.key(6),
                               .version_id = "v",
                               .bytes = audit::seal(audit::encode_record(later).value(), key())};
  };
  records.push_back(sealed());
  const Folded folded(records);
  REQUIRE(folded.status);
  CHECK(folded.chain.history().at(6)->kind == RecordKind::kUnknown);
  CHECK(folded.chain.history().at(6)->kind_text == "ShadowReport");
  CHECK(folded.chain.history().serving()->sequence == 5);

  later.content.effect = Effect::kPin;
  records.back() = sealed();
  const Folded stopped(records);
  REQUIRE_FALSE(stopped.status);
  CHECK(stopped.status.error().code == ErrorCode::kCorrupt);
  CHECK(stopped.status.error().message.find("ShadowReport") != std::string::npos);
  CHECK(stopped.chain.history().head_sequence() == 5);
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
      {"written over", over, 2, Finding::Kind::kTampered, 2, "1 more version"},
      {"hidden", hidden, 2, Finding::Kind::kTampered, 2, "delete marker"},
      {"only a marker", erased, 1, Finding::Kind::kTampered, 2, "where no record is"},
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

TEST_CASE("chain: what lies behind a gap is no part of the ledger") {
  const auto sequences = [](const std::vector<VersionEntry>& entries) {
    std::vector<std::uint64_t> out;
    for (const VersionEntry& entry : entries)
      out.push_back(kTarget.sequence_of(entry.key).value());
    return out;
  };
  using Numbers = std::vector<std::uint64_t>;
  const auto arranged = audit::arrange(kTarget, 1, listing({1, 2, 5, 9}));
  CHECK(sequences(arranged.records) == Numbers{1, 2});
  CHECK(sequences(arranged.beyond) == Numbers{5, 9});
  CHECK(arranged.findings.empty());
  CHECK(sequences(audit::arrange(kTarget, 1, listing({2})).beyond) == Numbers{2});
}

TEST_CASE("chain: an Intent waits for the open one, and a request has one") {
  Bench bench;
  bench.two_promotions();
  const RecordContent out = intent("2", "3");
  bench.append(out).value();  // 6
  RecordContent other = intent("2", "4");
  CHECK(bench.append(other).error().code == ErrorCode::kConflict);
  other.action = "Rollback";
  CHECK(bench.append(other).error().code == ErrorCode::kConflict);
  bench.append(applied(out, 6)).value();
  RecordContent again = out;
  again.decision_digest = digest_of("another");
  CHECK(bench.append(again).error().code == ErrorCode::kConflict);
}

TEST_CASE("chain: a request takes back what it left changed, and only then") {
  Bench bench;
  bench.two_promotions();
  const RecordContent out = intent("2", "3");
  RecordContent back = intent("3", "2");
  back.request = out.request;
  back.action = "Rollback";
  bench.append(out).value();  // 6

  SUBCASE("while the Intent is open: no") {
    CHECK(bench.append(back).error().code == ErrorCode::kConflict);
  }
  SUBCASE("after an untouched end: no") {
    bench.append(aborted(out, 6, false)).value();
    CHECK(bench.append(back).error().code == ErrorCode::kConflict);
  }
  SUBCASE("not as another action") {
    bench.append(aborted(out, 6, true)).value();
    back.action = "Promote";
    CHECK(bench.append(back).error().code == ErrorCode::kConflict);
  }
  SUBCASE("not after another request has changed the target") {
    bench.append(aborted(out, 6, true)).value();
    const RecordContent other = intent("3", "4");
    bench.append(other).value();  // 8
    bench.append(applied(other, 8)).value();
    CHECK(bench.append(back).error().code == ErrorCode::kConflict);
  }
  SUBCASE("after an end that left pins changed: yes") {
    bench.append(aborted(out, 6, true)).value();
    CHECK(bench.append(back)->sequence == 8);
    bench.append(applied(back, 8)).value();
    const History history = bench.ledger.load(kTarget).value();
    CHECK(history.open_intent() == nullptr);
    CHECK(history.serving()->to.version == "2");
    RecordContent twice = back;
    twice.decision_digest = digest_of("twice");
    CHECK(bench.append(twice).error().code == ErrorCode::kConflict);
  }
}

TEST_CASE("chain: only a Rollback closes the Intent of another request, and only as Superseded") {
  Bench bench;
  bench.two_promotions();
  const RecordContent out = intent("2", "3");
  bench.append(out).value();  // 6
  RecordContent rescue = aborted(out, 6, true);
  rescue.request = request("rescue");
  rescue.action = "Rollback";
  rescue.code = EndCode::kSuperseded;

  RecordContent wrong = rescue;
  wrong.action = "Promote";
  CHECK(bench.append(wrong).error().code == ErrorCode::kInvalid);
  wrong = rescue;
  wrong.code = EndCode::kRolloutFailed;
  CHECK(bench.append(wrong).error().code == ErrorCode::kInvalid);
  wrong = rescue;
  wrong.kind = RecordKind::kApplied;
  CHECK(bench.append(wrong).error().code == ErrorCode::kInvalid);
  CHECK(bench.append(rescue)->sequence == 7);

  RecordContent back = intent("3", "2");
  back.request = request("rescue");
  back.action = "Rollback";
  RecordContent late = back;
  late.request = out.request;
  CHECK(bench.append(late).error().code == ErrorCode::kConflict);  // it was taken over
  CHECK(bench.append(back)->sequence == 8);
}

TEST_CASE("chain: an Intent whose request is gone is closed by whoever finds it") {
  Bench bench;
  bench.two_promotions();
  bench.append(intent("2", "3")).value();  // 6
  RecordContent abandoned{.kind = RecordKind::kAbandoned, .of = 6, .code = EndCode::kRequestGone};
  CHECK(bench.append(abandoned)->sequence == 7);
  CHECK(bench.ledger.load(kTarget)->open_intent() == nullptr);
  CHECK(bench.append(intent("2", "4"))->sequence == 8);
}

TEST_CASE("chain: a request ends once") {
  Bench bench;
  bench.target.id = kModel;
  const auto end = bench.append(concluded("r", EndCode::kGatesFailed)).value();
  CHECK(bench.append(concluded("r", EndCode::kGatesFailed))->digest == end.digest);
  CHECK(bench.append(concluded("r", EndCode::kRejected)).error().code == ErrorCode::kConflict);
  CHECK(bench.append(concluded("s", EndCode::kRejected))->sequence == 3);
}

TEST_CASE("chain: what must not be missing is not missing") {
  struct Row {
    const char* what;
    audit::LedgerId id;
    RecordContent content;
  };

  RecordContent nobody = intent("", "1");
  nobody.request = {};
  RecordContent no_decided = intent("", "1");
  no_decided.decided.clear();
  RecordContent unsorted = decided("", "1");
  unsorted.targets = {"us", "eu"};
  RecordContent no_targets = decided("", "1");
  no_targets.targets.clear();
  RecordContent no_digest = decided("", "1");
  no_digest.decision_digest.clear();
  RecordContent of_it = gate_result("r");
  of_it.of = 1;
  const Row rows[] = {
      {"Intent of nobody", kTarget, nobody},
      {"Intent without Decided", kTarget, no_decided},
      {"Decided, unsorted", kModel, unsorted},
      {"Decided without targets", kModel, no_targets},
      {"Decided without a digest", kModel, no_digest},
      {"Concluded without a code", kModel, concluded("r", EndCode::kNone)},
      {"Concluded of nobody", kModel, {.kind = RecordKind::kConcluded, .code = EndCode::kStaged}},
      {"an Intent in a model's ledger", kModel, intent("", "1")},
      {"Decided in a target's ledger", kTarget, decided("", "1")},
      {"`of` of what ends nothing", kModel, of_it},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.target.id = row.id;
    const auto got = bench.append(row.content);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("chain: finds the record that already says the same") {
  Bench bench;
  bench.two_promotions();
  const History history = bench.ledger.load(kTarget).value();
  CHECK(audit::find_same(history, intent("1", "2"))->sequence == 4);
  RecordContent other = intent("1", "2");
  other.body = R"({"reason":"said otherwise"})";
  CHECK(audit::find_same(history, other)->sequence == 4);

  struct Row {
    const char* what;
    void (*spoil)(RecordContent&);
  };

  const Row rows[] = {
      {"request", [](RecordContent& c) { c.request.uid = "x"; }},
      {"nobody's request", [](RecordContent& c) { c.request.uid.clear(); }},
      {"decision", [](RecordContent& c) { c.decision_digest = digest_of("x"); }},
      {"Decided", [](RecordContent& c) { c.decided = digest_of("x"); }},
      {"action", [](RecordContent& c) { c.action = "Rollback"; }},
      {"of", [](RecordContent& c) { c.of = 2; }},
      {"kind", [](RecordContent& c) { c.kind = RecordKind::kGateResult; }},
      {"code", [](RecordContent& c) { c.code = EndCode::kOther; }},
      {"version", [](RecordContent& c) { c.to = version("3"); }},
      {"other bytes under the number", [](RecordContent& c) { c.to.digest = digest_of("x"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    RecordContent content = intent("1", "2");
    row.spoil(content);
    CHECK(audit::find_same(history, content) == nullptr);
  }
}
