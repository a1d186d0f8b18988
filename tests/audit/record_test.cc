#include "audit/record.h"

#include "audit/dsse.h"
#include "base/canonical_json.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using audit::Record;

namespace {

Record full_record() {
  RecordContent content = intent("1", "2");
  content.body = R"({"evaluation":{"dataset":{"digest":")" + digest_of("dataset") +
                 R"(","uri":"s3://d","version":"2026-11"}},"reason":"é \u20ac"})";
  content.body = canonical_json(parse_strict_json(content.body, 4096).value()).value();
  return {.content = content,
          .frame = {.cluster = "c0ffee",
                    .ledger = kTarget.path(),
                    .object_uid = "u",
                    .sequence = 42,
                    .prev = digest_of("41"),
                    .recorded = kNow,
                    .store_date = kNow,
                    .retain_until = kNow + std::chrono::hours(1),
                    .operator_version = "0.1.0",
                    .deviations = {{.point = "f", .reason = "r"}}}};
}

}  // namespace

TEST_CASE("record: reads back as it was written") {
  const Record record = full_record();
  const auto payload = audit::encode_record(record);
  REQUIRE(payload);
  const auto back = audit::decode_record(*payload);
  REQUIRE(back);
  CHECK(*back == record);

  Record bare = record;
  bare.content = {.kind = RecordKind::kGenesis};
  bare.frame.prev.clear();
  bare.frame.deviations.clear();
  CHECK(audit::decode_record(audit::encode_record(bare).value()).value() == bare);
}

TEST_CASE("record: every field of a content reads back") {
  Record record = full_record();
  RecordContent& content = record.content;
  content.kind = RecordKind::kAborted;
  content.of = 41;
  content.code = EndCode::kSmokeTestFailed;
  content.pins_changed = true;
  content.text = "the smoke test failed: 3 of 5";
  CHECK(audit::decode_record(audit::encode_record(record).value()).value() == record);

  record.content = decided("1", "2");
  record.content.targets = {"eu", "us"};
  CHECK(audit::decode_record(audit::encode_record(record).value())->content.targets ==
        record.content.targets);

  record.content = concluded("r", EndCode::kApplied);
  record.content.effect = Effect::kStage;
  record.content.moves = {{.version = version("2"), .from = "Staging"},
                          {.version = version("1"), .from = "Production"}};
  const auto back = audit::decode_record(audit::encode_record(record).value());
  REQUIRE(back);
  CHECK(back->content == record.content);
}

TEST_CASE("record: the effect is the kind's, whatever the writer thought") {
  Record record = full_record();
  record.content.effect = Effect::kNone;
  const auto statement = nlohmann::json::parse(audit::encode_record(record).value());
  CHECK(statement["predicate"]["effect"] == "pin");
}

TEST_CASE("record: a kind of a later version without effect is kept opaque") {
  auto statement = nlohmann::json::parse(audit::encode_record(full_record()).value());
  statement["predicate"]["kind"] = "ShadowReport";
  statement["predicate"]["effect"] = "none";
  const auto back = audit::decode_record(canonical_json(statement).value());
  REQUIRE(back);
  CHECK(back->content.kind == RecordKind::kUnknown);
  CHECK(back->content.kind_text == "ShadowReport");
}

TEST_CASE("record: a text too long is cut, a list too long is refused") {
  Record record = full_record();
  record.content.text = std::string(kMaxTextBytes - 1, 'x') + "\u20ac";
  const auto back = audit::decode_record(audit::encode_record(record).value());
  REQUIRE(back);
  CHECK(back->content.text.size() <= kMaxTextBytes);
  record.content = decided("1", "2");
  record.content.targets.assign(audit::kMaxListed + 1, "t");
  CHECK(audit::encode_record(record).error().code == ErrorCode::kInvalid);
}

TEST_CASE("record: the largest body that can be written can be read") {
  Record record = full_record();
  record.content.body = R"({"a":")" + std::string(kMaxBodyBytes - 8, 'x') + "\"}";
  REQUIRE(record.content.body.size() == kMaxBodyBytes);
  const auto payload = audit::encode_record(record);
  REQUIRE(payload);
  CHECK(audit::decode_record(*payload)->content.body == record.content.body);
  CHECK(audit::seal(*payload, key()).size() <= audit::kMaxEnvelopeBytes);
  record.content.body.insert(7, "x");
  CHECK_FALSE(audit::encode_record(record));
}

TEST_CASE("record: is an in-toto statement about artifact and dataset") {
  const auto statement = nlohmann::json::parse(audit::encode_record(full_record()).value());
  CHECK(statement["_type"] == "https://in-toto.io/Statement/v1");
  CHECK(statement["predicateType"] == "https://stagekeeper.dev/audit/record/v1");
  REQUIRE(statement["subject"].size() == 2);
  CHECK(statement["subject"][0]["name"] == "s3://models/credit-risk/2/model.json");
  CHECK(statement["subject"][0]["digest"]["sha256"] == version("2").digest.substr(7));
  CHECK(statement["subject"][1]["name"] == "s3://d");
  CHECK(statement["predicate"]["seq"] == "42");
  CHECK(statement["predicate"]["schema"] == 1);
  CHECK(statement["predicate"]["deviations"][0]["point"] == "f");

  Record bare = full_record();
  bare.content = {.kind = RecordKind::kGenesis};
  const auto genesis = nlohmann::json::parse(audit::encode_record(bare).value());
  REQUIRE(genesis["subject"].size() == 1);
  CHECK(genesis["subject"][0]["name"] == "ledger:credit/target/credit-risk-eu");
}

TEST_CASE("record: refuses bodies that it cannot keep") {
  struct Row {
    const char* what;
    std::string body;
  };

  const Row rows[] = {{"array", "[]"},
                      {"not JSON", "{"},
                      {"float", R"({"auc":0.9})"},
                      {"duplicate key", R"({"a":1,"a":2})"},
                      {"too large", R"({"a":")" + std::string(kMaxBodyBytes, 'x') + "\"}"}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Record record = full_record();
    record.content.body = row.body;
    const auto payload = audit::encode_record(record);
    REQUIRE_FALSE(payload);
    CHECK(payload.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("record: payloads that nobody wrote are corrupt") {
  const std::string good = audit::encode_record(full_record()).value();
  const auto change = [&](const char* path, const nlohmann::json& value) {
    auto statement = nlohmann::json::parse(good);
    const nlohmann::json::json_pointer pointer(path);
    if (value.is_discarded()) {
      statement[pointer.parent_pointer()].erase(pointer.back());
    } else {
      statement[pointer] = value;
    }
    return canonical_json(statement).value();
  };
  const nlohmann::json gone(nlohmann::json::value_t::discarded);

  struct Row {
    const char* what;
    std::string payload;
  };

  const Row rows[] = {
      {"a space", " " + good},
      {"pretty", nlohmann::json::parse(good).dump(1)},
      {"a byte behind", good + "}"},
      {"another type", change("/_type", "https://in-toto.io/Statement/v0.1")},
      {"another predicate", change("/predicateType", "https://slsa.dev/provenance/v1")},
      {"schema 2", change("/predicate/schema", 2)},
      {"schema as text", change("/predicate/schema", "1")},
      {"no schema", change("/predicate/schema", gone)},
      {"no predicate", change("/predicate", gone)},
      {"unknown kind with an effect", change("/predicate/kind", "Canary")},
      {"no kind", change("/predicate/kind", gone)},
      {"no effect", change("/predicate/effect", gone)},
      {"unknown effect", change("/predicate/effect", "traffic")},
      {"another effect than the kind's", change("/predicate/effect", "none")},
      {"no sequence", change("/predicate/seq", gone)},
      {"sequence as number", change("/predicate/seq", 42)},
      {"sequence with zeros", change("/predicate/seq", "042")},
      {"negative sequence", change("/predicate/seq", "-1")},
      {"sequence too large", change("/predicate/seq", "18446744073709551616")},
      {"no time", change("/predicate/times/recorded", gone)},
      {"local time", change("/predicate/times/retainUntil", "2026-03-03T09:15:00+01:00")},
      {"of as number", change("/predicate/of", 3)},
      {"no body", change("/predicate/body", gone)},
      {"body as text", change("/predicate/body", "{}")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto record = audit::decode_record(row.payload);
    REQUIRE_FALSE(record);
    CHECK(record.error().code == ErrorCode::kCorrupt);
  }
  // What a later version adds does not harm.
  CHECK(audit::decode_record(change("/predicate/later", "x")));
  CHECK(audit::decode_record(change("/predicate/code", "Later"))->content.code == EndCode::kOther);
}

// https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, test vectors.
TEST_CASE("dsse: encodes what is signed as the specification shows") {
  CHECK(audit::pre_authentication_encoding("http://example.com/HelloWorld", "hello world") ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(audit::pre_authentication_encoding("", "") == "DSSEv1 0  0 ");
}

TEST_CASE("dsse: the same payload and key give the same bytes, which open") {
  const std::string envelope = audit::seal("payload \xff", key());
  CHECK(envelope == audit::seal("payload \xff", key()));
  const auto opened = audit::open_envelope(envelope, trusted());
  REQUIRE(opened);
  CHECK(opened->payload == "payload \xff");
  CHECK(opened->key_id == key().key_id());
}

TEST_CASE("dsse: any envelope that seal() did not make is corrupt") {
  const std::string good = audit::seal("{}", key());
  const auto edited = [&](const char* path, const nlohmann::json& value) {
    auto envelope = nlohmann::json::parse(good);
    envelope[nlohmann::json::json_pointer(path)] = value;
    return canonical_json(envelope).value();
  };
  auto twice = nlohmann::json::parse(good);
  twice["signatures"].push_back(twice["signatures"][0]);

  struct Row {
    const char* what;
    std::string envelope;
  };

  const Row rows[] = {
      {"empty", ""},
      {"not JSON", "<Error/>"},
      {"a list", "[]"},
      {"another key", audit::seal("{}", other_key())},
      {"another payload", edited("/payload", base64_encode("{} "))},
      {"another type", edited("/payloadType", "text/plain")},
      {"no signature", edited("/signatures", nlohmann::json::array())},
      {"two signatures", canonical_json(twice).value()},
      {"another key's id", edited("/signatures/0/keyid", other_key().key_id().str())},
      {"cut signature", edited("/signatures/0/sig", "AAAA")},
      {"no base64", edited("/payload", "{}")},
      {"more members", edited("/more", 1)},
      {"a space", good + " "},
      {"pretty", nlohmann::json::parse(good).dump(1)},
      {"too large", std::string(audit::kMaxEnvelopeBytes + 1, ' ')},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto opened = audit::open_envelope(row.envelope, trusted());
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("dsse: no single changed byte goes unseen") {
  const std::string good = audit::seal(R"({"a":1})", key());
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    CHECK_FALSE(audit::open_envelope(bad, trusted()));
  }
}

TEST_CASE("dsse: the largest payload fits its envelope") {
  const std::string envelope = audit::seal(std::string(audit::kMaxPayloadBytes, 'x'), key());
  CHECK(envelope.size() <= audit::kMaxEnvelopeBytes);
  CHECK(audit::open_envelope(envelope, trusted()));
}

TEST_CASE("ledger id: keys name their sequence and nothing else does") {
  CHECK(kTarget.key(42) == "v1/c0ffee/credit/target/credit-risk-eu/rec/00000000000000000042.json");
  CHECK(kTarget.sequence_of(kTarget.key(42)) == 42);
  for (const std::string& bad :
       {kModel.key(42), kTarget.prefix() + "42.json", kTarget.key(42) + "x",
        kTarget.prefix() + "0000000000000000004x.json", std::string()}) {
    CAPTURE(bad);
    CHECK_FALSE(kTarget.sequence_of(bad));
  }
  for (const char* bad : {"", "..", "a/b", "A", "a b"}) {
    CAPTURE(bad);
    audit::LedgerId id = kTarget;
    id.name = bad;
    CHECK_FALSE(audit::check_ledger_id(id));
  }
}
