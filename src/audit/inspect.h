#pragma once

#include "audit/chain.h"
#include "audit/store.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

/// Everything below a prefix of a bucket, sorted into ledgers.
struct BucketContents {
  /// By LedgerId::prefix().
  struct Ledger {
    LedgerId id;
    std::vector<VersionEntry> entries;
  };

  std::map<std::string, Ledger> ledgers;
  std::vector<std::string> strangers;  ///< keys that belong to no ledger; the probe's do not count
};

/// Lists all versions below `v1/`, or below `v1/<cluster>/` and `v1/<cluster>/<ns>/` where these
/// are given. Errors: those of the store; Corrupt beyond 1,000,000 objects.
Result<BucketContents> list_bucket(Store& store, std::string_view cluster, std::string_view ns);

/// Lists all versions of one ledger. Errors: as list_bucket().
Result<BucketContents::Ledger> list_one(Store& store, const LedgerId& id);

/// The parts that directly follow a prefix in keys: clusters below "v1/", namespaces below
/// "v1/<cluster>/". One call for each. Errors: those of the store.
Result<std::vector<std::string>> list_parts(Store& store, const std::string& prefix);

/// One ledger as somebody finds it who has only the bucket and public keys.
struct LedgerReport {
  LedgerId id;
  History history;                        ///< as far as the chain holds
  std::vector<Record> records;            ///< the same with bodies
  std::vector<Finding> findings;          ///< empty: whole, genuine, locked, consistent
  std::optional<TimePoint> first_unlock;  ///< the earliest end of a lock
};

/// Reads every record of a ledger, `threads` at a time, and judges it: signature, chain, pairing,
/// extra versions, delete markers, gaps, locks against what the record was promised. Reading stops
/// at the first record that does not hold, since nothing behind it can be believed.
/// Errors: those of the store. What is wrong with the ledger is in the findings.
Result<LedgerReport> inspect_ledger(Store& store, const BucketContents::Ledger& ledger,
                                    const std::vector<TrustedKey>& keys, unsigned threads = 8);

/// The ledger and sequence that a key names, whatever cluster; nothing for any other key.
std::optional<LedgerId> ledger_of_key(std::string_view key);

}  // namespace stagekeeper::audit
