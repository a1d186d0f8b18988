#include "model/record.h"

#include <doctest/doctest.h>

using namespace stagekeeper;

TEST_CASE("record: names read back, and what a later version wrote is not mistaken") {
  for (int i = 0; i <= static_cast<int>(RecordKind::kUnknown); ++i) {
    const auto kind = static_cast<RecordKind>(i);
    CHECK(record_kind(name(kind)) == kind);
  }
  for (int i = 0; i <= static_cast<int>(EndCode::kOther); ++i) {
    const auto code = static_cast<EndCode>(i);
    CHECK(end_code(name(code)) == code);
  }
  CHECK(record_kind("Canary") == RecordKind::kUnknown);
  CHECK(record_kind("intent") == RecordKind::kUnknown);
  CHECK(end_code("CanaryFailed") == EndCode::kOther);
  CHECK(effect("pin") == Effect::kPin);
  CHECK_FALSE(effect("Pin"));
  CHECK(ledger_kind("model") == LedgerKind::kModel);
  CHECK_FALSE(ledger_kind("probe"));
}

TEST_CASE("record: what concerns a pin, a stage or nothing but history") {
  for (const RecordKind kind :
       {RecordKind::kIntent, RecordKind::kApplied, RecordKind::kAborted, RecordKind::kAbandoned})
    CHECK(effect_of({.kind = kind}) == Effect::kPin);
  for (const RecordKind kind : {RecordKind::kGenesis, RecordKind::kGateResult, RecordKind::kDecided,
                                RecordKind::kConcluded})
    CHECK(effect_of({.kind = kind}) == Effect::kNone);
  CHECK(effect_of({.kind = RecordKind::kConcluded, .moves = {{.from = "None"}}}) == Effect::kStage);
}

TEST_CASE("record: a version is its number and its bytes") {
  const VersionRef one{.version = "1", .digest = "a", .artifact_uri = "u", .stage = "Staging"};
  VersionRef other = one;
  other.stage = "Production";
  other.artifact_uri = "elsewhere";
  CHECK(same_version(one, other));
  other.digest = "b";
  CHECK_FALSE(same_version(one, other));
}
