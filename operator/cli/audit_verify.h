#pragma once

#include "operator/cli/audit_source.h"

namespace stagekeeper::cli {

/// `audit verify`: every ledger of the bucket, whether it is whole, genuine and locked.
Output audit_verify(const AuditView& view, bool json, const Style& style);

}  // namespace stagekeeper::cli
