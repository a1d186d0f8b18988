#pragma once

#include "model/fields.h"
#include "model/objects.h"

// The field tables, one per kind: what is read of an object, and where it stands. Below spec of a
// custom resource every field that its CRD has must be named here (tests/model/crd_test.cc).
namespace stagekeeper::detail {

void fields(Fields& v, ModelVersion& it);
void fields(Fields& v, PromotionPolicy& it);
void fields(Fields& v, ServingTarget& it);
void fields(Fields& v, PromotionRequest& it);
void fields(Fields& v, Approval& it);
void fields(Fields& v, GateClass& it);
void fields(Fields& v, ModelStage& it);

/// An identity as admission stamps it; an empty one is not there.
void identity_member(Fields& v, std::string_view key, Identity& it);

/// status.ledger: the head that was last seen, and the record on its way.
void ledger_fields(Fields& v, std::optional<LedgerHead>& head,
                   std::optional<PendingRecord>& pending);

// Rules that several kinds share.
TextRule version_rule();
TextRule digest_rule();
TextRule uri_rule();

}  // namespace stagekeeper::detail
