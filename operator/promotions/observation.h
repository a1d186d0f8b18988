#pragma once

#include "model/record.h"
#include "operator/cluster/waiters.h"
#include "operator/controllers/ledgers.h"
#include "promotion/world.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace stagekeeper {

/// What one round has read: the World, and beside it what effects and views start from.
struct Observation {
  promotion::World world;
  std::string request_json;
  /// The objects whose statuses carry pending records, as they were read; by ledger_key().
  std::map<std::string, LedgerOwner> owners;
  std::map<std::string, std::string> deployment_json;  ///< of each target read, by its name
  std::map<std::string, std::string> approval_json;    ///< of each Approval read, by uid
  Interests interests;
  std::uint64_t read_at = 0;  ///< ticket from before the request and its Approvals were read
  bool settled = false;       ///< ended, shown so, and nothing of it is left: nothing else was read
};

inline std::string ledger_key(const LedgerName& ledger) {
  return std::string(name(ledger.kind)) + "/" + ledger.name;
}

/// The object that the ledger belongs to; without uid when it does not exist.
inline LedgerOwner owner_of(const Observation& seen, const LedgerName& ledger) {
  const auto found = seen.owners.find(ledger_key(ledger));
  return found == seen.owners.end() ? LedgerOwner{.name = ledger.name} : found->second;
}

}  // namespace stagekeeper
