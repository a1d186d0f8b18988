#pragma once

#include "operator/cli/audit_source.h"

#include <string>

namespace stagekeeper::cli {

/// `audit show MODEL VERSION`: why a version serves, or what kept it from serving, from records
/// alone: checks with what was observed and demanded, the dataset, who asked and who approved.
/// Exit code kIncomplete when no record names the version; what is wrong with the ledgers comes
/// first and decides the code otherwise.
Output audit_show(const AuditView& view, const std::string& model, const std::string& version,
                  bool json, const Style& style);

}  // namespace stagekeeper::cli
