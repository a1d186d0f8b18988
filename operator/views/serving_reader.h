#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/target_reader.h"
#include "promotion/serving/serving.h"

#include <map>
#include <string>
#include <vector>

namespace stagekeeper {

/// What stands between users and a target's pods, as it is now.
struct ServingSight {
  bool service_found = false;
  std::map<std::string, std::string> selector;
  std::vector<FieldOwner> selector_owners;
  std::vector<promotion::serving::EndpointFacts> endpoints;  ///< the ready ones
  promotion::serving::Reference reference;
};

/// Reads the Service of a target and the pods behind it live, its endpoints from the cache that has
/// told of them, and the bodies of the records that say which templates may serve. The target must
/// be there. Errors: those of the API and of the ledger, Corrupt.
Result<ServingSight> read_serving(const Environment& environment, const TargetSight& sight);

}  // namespace stagekeeper
